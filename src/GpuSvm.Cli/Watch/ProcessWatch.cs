// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace GpuSvm.Cli.Watch;

/// <summary>The connection to one process that lets itself be watched: a line of JSON each way.</summary>
internal sealed class ProcessWatch : IDisposable
{
    private const int MostAnswerBytes = 4 << 20;
    private const int PatienceMicroseconds = 5_000_000;
    private const string Prefix = "gpusvm-";
    private const string Suffix = ".sock";
    private static readonly byte[] Request = "{\"version\":1,\"request\":\"frame\"}\n"u8.ToArray();

    private readonly Socket _socket;
    private readonly List<byte> _received = [];

    /// <summary>Wraps a connection.</summary>
    /// <param name="socket">Connected.</param>
    /// <param name="pid">The process.</param>
    private ProcessWatch(Socket socket, int pid)
    {
        _socket = socket;
        Pid = pid;
    }

    /// <summary>The process.</summary>
    public int Pid { get; }

    /// <summary>The processes that can be watched. What dead ones have left behind is removed.</summary>
    public static IReadOnlyList<int> Find()
    {
        var found = new SortedSet<int>();
        foreach (var path in Folders().SelectMany(folder => Directory.EnumerateFiles(folder, Prefix + "*" + Suffix)))
        {
            if (!int.TryParse(Path.GetFileName(path)[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                continue;
            using var socket = Connect(path, out var error);
            if (socket is not null)
                found.Add(pid);
            else if (error == SocketError.ConnectionRefused)
                Remove(path);
        }

        return [.. found];
    }

    /// <summary>Connects to a process.</summary>
    /// <param name="pid">Its number.</param>
    /// <exception cref="InputException">It does not exist or does not let itself be watched; the message says which, and the remedy.</exception>
    public static ProcessWatch Open(int pid)
    {
        SocketError error = default;
        foreach (var folder in Folders())
        {
            var path = Path.Combine(folder, Prefix + pid.ToString(CultureInfo.InvariantCulture) + Suffix);
            if (!File.Exists(path))
                continue;
            if (Connect(path, out error) is { } socket)
                return new ProcessWatch(socket, pid);
            if (error == SocketError.ConnectionRefused)
                Remove(path);
        }

        if (error == SocketError.AccessDenied)
            throw new InputException($"process {pid} belongs to another user; watch it as that user or as root");
        if (!Directory.Exists("/proc/" + pid.ToString(CultureInfo.InvariantCulture)))
            throw new InputException($"process {pid} does not exist (any more); gpusvm top without a number finds the ones that can be watched");
        throw new InputException(
            $"process {pid} has no shared memory that can be watched; start it with GPUSVM_MONITOR=1 in its environment, with the option monitor of its memory, or as gpusvm run --monitor");
    }

    /// <summary>Asks for a frame.</summary>
    /// <returns>The answer; null if the process has ended or has closed its memory.</returns>
    /// <exception cref="InputException">It refuses, or what answers is no monitor.</exception>
    public WatchedFrame? Ask()
    {
        try
        {
            _socket.Send(Request);
            if (ReadLine() is not { } line)
                return null;
            var frame = JsonSerializer.Deserialize(line, WatchJson.Default.WatchedFrame);
            if (frame?.Error is { } error)
                throw new InputException($"process {Pid} does not let itself be watched: {error}");
            return frame is { Version: 1, Memories: { } memories } && memories.All(memory => memory is { Kind: not null, GpuFaultNs: not null, CpuFaultNs: not null, Blocks: not null })
                ? frame : throw Foreign();
        }
        catch (SocketException)
        {
            return null;
        }
        catch (JsonException)
        {
            throw Foreign();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>For an answer that cannot be understood.</summary>
    private InputException Foreign() => new($"what answers for process {Pid} is no monitor of this version; use the gpusvm that came with the library it runs");

    /// <summary>Reads up to the next line end.</summary>
    /// <returns>The line; null at the end.</returns>
    private string? ReadLine()
    {
        var buffer = new byte[65536];
        int end;
        while ((end = _received.IndexOf((byte)'\n')) < 0)
        {
            if (_received.Count > MostAnswerBytes)
                throw Foreign();
            if (!_socket.Poll(PatienceMicroseconds, SelectMode.SelectRead))
                throw new InputException($"process {Pid} does not answer; it may be stopped (kill -CONT {Pid} continues it)");
            var read = _socket.Receive(buffer);
            if (read == 0)
                return null;
            _received.AddRange(buffer.AsSpan(0, read));
        }

        var line = Encoding.UTF8.GetString([.. _received[..end]]);
        _received.RemoveRange(0, end + 1);
        return line;
    }

    /// <summary>Where sockets may lie.</summary>
    private static IEnumerable<string> Folders()
        => new[] { Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"), "/tmp" }.Where(folder => !string.IsNullOrEmpty(folder) && Directory.Exists(folder)).Select(folder => folder!).Distinct();

    /// <summary>Connects to a socket.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="error">Why not.</param>
    private static Socket? Connect(string path, out SocketError error)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            error = SocketError.Success;
            return socket;
        }
        catch (SocketException e)
        {
            error = e.SocketErrorCode;
            socket.Dispose();
            return null;
        }
    }

    /// <summary>Removes what a dead process has left behind, if it is ours.</summary>
    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's: his own tool does it.
        }
    }
}
