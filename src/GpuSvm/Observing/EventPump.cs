// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm.Observing;

/// <summary>
/// Carries the library's events to those of .NET who listen: <see cref="SvmEventSource"/> and the migrations of <see cref="SvmActivities"/>. While nobody listens it has no thread and
/// no stream is open, so that the library records nothing.
/// </summary>
/// <remarks>
/// An event source says when somebody begins to listen; an activity source does not, so it is asked when a memory is opened and when a launch or a prefetch is started.
/// Locking: <see cref="_gate"/> guards the streams; listeners are called without it.
/// </remarks>
internal static class EventPump
{
    private const int PauseMilliseconds = 10;
    private const int Capacity = 1 << 16;

    private static readonly Lock _gate = new();
    private static readonly Dictionary<int, Stream> _streams = []; // By the memory's number. Guarded by _gate.
    private static bool _runs; // Whether the thread is there. Written under _gate.

    /// <summary>How many streams are open.</summary>
    public static int Streams
    {
        get
        {
            lock (_gate)
                return _streams.Count;
        }
    }

    /// <summary>Whether anybody listens.</summary>
    private static bool IsWanted => SvmEventSource.Log?.IsEnabled() == true || SvmActivities.Migrations.HasListeners();

    /// <summary>Begins to carry if somebody listens, for all memories that are open; costs two comparisons if nobody does.</summary>
    public static void Wake()
    {
        if (!IsWanted)
            return;
        OpenMemories.ForEach(Open);
        lock (_gate)
        {
            if (_runs)
                return;
            _runs = true;
        }

        new Thread(Run) { IsBackground = true, Name = "GpuSvm events" }.Start();
    }

    /// <summary>Carries what a memory has told, and ends its stream.</summary>
    /// <param name="number">The memory's.</param>
    public static void Finish(int number)
    {
        Stream? stream;
        lock (_gate)
        {
            if (!_streams.Remove(number, out stream))
                return;
        }

        Carry(stream);
        stream.Reader.Dispose();
    }

    /// <summary>Opens a memory's stream, once.</summary>
    /// <param name="handle">The memory.</param>
    /// <param name="number">Its number.</param>
    private static void Open(MemoryHandle handle, int number)
    {
        lock (_gate)
        {
            if (!_streams.ContainsKey(number) && NativeMethods.gpusvm_events_open(handle, Capacity, out ulong events) == (int)StatusCode.Done)
                _streams.Add(number, new Stream(number, new SvmEventReader(events)));
        }
    }

    /// <summary>The thread: carries until nobody listens any more.</summary>
    private static void Run()
    {
        while (true)
        {
            Stream[] streams;
            bool isWanted = IsWanted;
            lock (_gate)
            {
                streams = [.. _streams.Values];
                if (!isWanted)
                {
                    _streams.Clear();
                    _runs = false;
                }
            }

            foreach (Stream stream in streams)
                Carry(stream);
            if (isWanted)
            {
                Thread.Sleep(PauseMilliseconds);
                continue;
            }

            foreach (Stream stream in streams)
                stream.Reader.Dispose();
            Wake(); // Somebody may have begun to listen while the streams were being closed.
            return;
        }
    }

    /// <summary>Carries what is there.</summary>
    /// <param name="stream">A memory's stream.</param>
    private static void Carry(Stream stream)
    {
        try
        {
            foreach (SvmEvent one in stream.Reader.ReadEvents())
            {
                SvmEventSource.Log?.Pass(stream.Number, one);
                if (one.Kind == SvmEventKind.Migration)
                    SvmActivities.Migrated(stream.Number, one);
            }

            long dropped = stream.Reader.Dropped;
            long told = Interlocked.Exchange(ref stream.Told, dropped);
            if (dropped > told)
                SvmEventSource.Log?.Dropped(stream.Number, dropped - told);
        }
        catch (Exception gone) when (gone is ObjectDisposedException or SharedMemoryException)
        {
            // The memory has been closed by another thread, which has carried the rest.
        }
    }

    /// <summary>The stream of one memory.</summary>
    /// <param name="number">The memory's number.</param>
    /// <param name="reader">Its events.</param>
    private sealed class Stream(int number, SvmEventReader reader)
    {
        /// <summary>Events that were dropped, as far as that has been said. Interlocked.</summary>
        public long Told;

        /// <summary>The memory's number.</summary>
        public int Number { get; } = number;

        /// <summary>Its events.</summary>
        public SvmEventReader Reader { get; } = reader;
    }
}
