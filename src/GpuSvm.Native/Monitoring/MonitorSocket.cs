// SPDX-License-Identifier: MIT
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace GpuSvm.Native.Monitoring;

/// <summary>What the monitor needs of Unix sockets: where they lie, who is at the other end, and sending that neither kills the process nor waits for ever.</summary>
internal static unsafe partial class MonitorSocket
{
    private const int SolSocket = 1;
    private const int SoPeerCredentials = 17;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int SendSeconds = 5;

    /// <summary>The socket's path: in the user's runtime folder where there is one, else in /tmp.</summary>
    public static string Path
    {
        get
        {
            string? folder = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
            return System.IO.Path.Combine(folder is { Length: > 0 } && Directory.Exists(folder) ? folder : "/tmp", $"gpusvm-{Environment.ProcessId}.sock");
        }
    }

    /// <summary>Binds and listens, with access for the owner alone.</summary>
    /// <param name="path">Where; what a dead process of the same number has left there goes.</param>
    /// <returns>The listening socket.</returns>
    /// <exception cref="SocketException">It cannot be bound there.</exception>
    public static Socket Listen(string path)
    {
        if (File.Exists(path))
        {
            if (IsAnswered(path))
                throw new IOException("a process of the same number, in another container, listens there");
            File.Delete(path);
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(8);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether somebody listens at a path.</summary>
    /// <param name="path">The path of a socket, or of what is left of one.</param>
    /// <returns>False if nobody does.</returns>
    private static bool IsAnswered(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether the same user is at the other end, or root: whoever got in before the mode was set is not.</summary>
    /// <param name="peer">A connected socket.</param>
    /// <returns>True if so.</returns>
    public static bool IsOwn(Socket peer)
    {
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid.
        peer.GetRawSocketOption(SolSocket, SoPeerCredentials, credentials);
        uint user = BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]);
        return user == 0 || user == geteuid();
    }

    /// <summary>Sends all bytes.</summary>
    /// <param name="peer">A connected socket.</param>
    /// <param name="bytes">What.</param>
    /// <returns>False if the other end has gone or does not read.</returns>
    public static bool TrySend(Socket peer, ReadOnlySpan<byte> bytes)
    {
        for (int waits = 0; !bytes.IsEmpty && waits < SendSeconds;)
        {
            nint sent;
            // SAFETY: pinned during the call, which reads at most its length.
            fixed (byte* start = bytes)
                sent = send((int)peer.Handle, start, (nuint)bytes.Length, DontWait | NoSignal);
            if (sent > 0)
            {
                bytes = bytes[(int)sent..];
                continue;
            }

            if (Marshal.GetLastPInvokeError() is not (11 or 4)) // EAGAIN, EINTR.
                return false;
            waits += peer.Poll(1_000_000, SelectMode.SelectWrite) ? 0 : 1;
        }

        return bytes.IsEmpty;
    }

    /// <summary>Sends without the signal that would end a program which does not expect it.</summary>
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint send(int descriptor, byte* bytes, nuint length, int flags);

    /// <summary>The user that the process acts as.</summary>
    [LibraryImport("libc")]
    private static partial uint geteuid();
}
