// SPDX-License-Identifier: MIT
using System.Net.Sockets;
using GpuSvm.Core;

namespace GpuSvm.Native.Monitoring;

/// <summary>
/// Answers `gpusvm top`: one socket a process, for all its memories that were opened with monitoring on.
/// </summary>
/// <remarks>
/// It is there only for who asks: a library must not open a door into a process, nor leave files, unasked. While nobody watches it is one thread that sleeps in
/// accept, and events are off. Each watcher has a thread, which answers a line of JSON by a line of JSON (version 1: docs/observing.md) and empties the
/// streams in between; what a watcher does, or fails to do, concerns its own thread only. Nothing here touches shared memory: all of it is counters and events.
/// Locking: <see cref="_gate"/> guards the list of sessions and all that is gathered of them; it is held neither for accept nor for sending.
/// </remarks>
internal sealed class MonitorServer
{
    private const int MostWatchers = 8;
    private const int LookMicroseconds = 50_000;
    private const int MostIdleLooks = 1200; // A minute without a request.

    private static readonly Lock _gate = new();
    private static MonitorServer? _current; // Guarded by _gate.
    private static int _opened; // Sessions so far. Guarded by _gate.

    private readonly List<MonitoredSession> _sessions = []; // Guarded by _gate.
    private readonly List<Socket> _watchers = []; // Guarded by _gate.
    private readonly string _path = MonitorSocket.Path;
    private readonly Socket _listener;
    private bool _stopping; // Guarded by _gate.

    /// <summary>Opens the socket and starts to accept.</summary>
    private MonitorServer()
    {
        try
        {
            _listener = MonitorSocket.Listen(_path);
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException or ArgumentException or PlatformNotSupportedException)
        {
            throw new SessionException(
                SvmStatus.NotSupported, $"Monitoring was asked for, and {_path} cannot be opened: {exception.Message}. Set XDG_RUNTIME_DIR to a folder of yours, or open without monitoring.");
        }

        new Thread(Accept) { IsBackground = true, Name = "gpusvm-monitor" }.Start();
    }

    /// <summary>Lets a session be watched.</summary>
    /// <param name="session">The session; <see cref="Remove"/> before it ends.</param>
    public static void Add(Session session)
    {
        lock (_gate)
        {
            _current ??= new MonitorServer();
            var monitored = new MonitoredSession(session, ++_opened);
            _current._sessions.Add(monitored);
            if (_current._watchers.Count > 0)
                monitored.Start();
        }
    }

    /// <summary>Ends watching of a session, and with the last one the server.</summary>
    /// <param name="session">A session; nothing happens if it is not watched.</param>
    public static void Remove(Session session)
    {
        MonitorServer ended;
        lock (_gate)
        {
            if (_current is null || _current._sessions.Find(one => ReferenceEquals(one.Session, session)) is not { } monitored)
                return;
            monitored.Stop();
            _current._sessions.Remove(monitored);
            if (_current._sessions.Count > 0)
                return;
            ended = _current;
            _current = null;
            ended._stopping = true;
            File.Delete(ended._path); // Under the gate: the next server's file has the same name.
            foreach (Socket watcher in ended._watchers)
                Shut(watcher);
        }

        ended._listener.Dispose(); // Accept comes back.
    }

    /// <summary>Accepts watchers until the server ends.</summary>
    private void Accept()
    {
        while (true)
        {
            try
            {
                Socket peer = _listener.Accept();
                new Thread(() => Serve(peer)) { IsBackground = true, Name = "gpusvm-watcher" }.Start();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OutOfMemoryException or ThreadStateException)
            {
                lock (_gate)
                {
                    if (_stopping)
                        return;
                }

                Thread.Sleep(100); // Out of descriptors, perhaps: that passes.
            }
        }
    }

    /// <summary>Answers one watcher until it goes, says something that is not understood, or the server ends.</summary>
    /// <param name="peer">The connection.</param>
    private void Serve(Socket peer)
    {
        try
        {
            if (!MonitorSocket.IsOwn(peer))
                MonitorSocket.TrySend(peer, MonitorProtocol.Error("this process belongs to another user"));
            else if (!Enter(peer))
                MonitorSocket.TrySend(peer, MonitorProtocol.Error($"{MostWatchers} watchers are there already, or the memory is being closed"));
            else
                Answer(peer);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OutOfMemoryException)
        {
            // The watcher has gone.
        }
        finally
        {
            Leave(peer);
            peer.Dispose();
        }
    }

    /// <summary>The dialogue with one watcher.</summary>
    /// <param name="peer">The connection.</param>
    private void Answer(Socket peer)
    {
        byte[] line = new byte[MonitorProtocol.MostRequestBytes];
        int filled = 0;
        for (int idle = 0; idle < MostIdleLooks; idle++)
        {
            if (!peer.Poll(LookMicroseconds, SelectMode.SelectRead))
            {
                lock (_gate)
                    _sessions.ForEach(static session => session.Take());
                continue;
            }

            int read = peer.Receive(line.AsSpan(filled));
            if (read == 0)
                return;
            filled += read;
            int end = line.AsSpan(0, filled).IndexOf((byte)'\n');
            if (end < 0 && filled < line.Length)
                continue;
            string? refusal = end < 0 ? $"a request is at most {MonitorProtocol.MostRequestBytes} bytes" : MonitorProtocol.WhyNot(line.AsSpan(0, end));
            if (refusal is not null)
            {
                MonitorSocket.TrySend(peer, MonitorProtocol.Error(refusal));
                return;
            }

            byte[] frame;
            lock (_gate)
                frame = MonitorProtocol.Frame(_sessions);
            if (!MonitorSocket.TrySend(peer, frame))
                return;
            line.AsSpan(end + 1, filled - end - 1).CopyTo(line);
            filled -= end + 1;
            idle = 0;
        }
    }

    /// <summary>Counts a watcher in; with the first one gathering begins.</summary>
    /// <param name="peer">Its connection.</param>
    /// <returns>False if there are too many, or the server is ending.</returns>
    private bool Enter(Socket peer)
    {
        lock (_gate)
        {
            if (_stopping || _watchers.Count >= MostWatchers)
                return false;
            _watchers.Add(peer);
            _sessions.ForEach(static session => session.Start());
            return true;
        }
    }

    /// <summary>Counts a watcher out; with the last one gathering ends.</summary>
    /// <param name="peer">Its connection; nothing happens if it was not counted in.</param>
    private void Leave(Socket peer)
    {
        lock (_gate)
        {
            if (_watchers.Remove(peer) && _watchers.Count == 0)
                _sessions.ForEach(static session => session.Stop());
        }
    }

    /// <summary>Makes a watcher's thread come back.</summary>
    /// <param name="watcher">Its connection.</param>
    private static void Shut(Socket watcher)
    {
        try
        {
            watcher.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // It has gone by itself.
        }
    }
}
