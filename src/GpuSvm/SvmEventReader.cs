// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>An open stream of events: what <see cref="SharedMemory.OpenEvents"/> gives. It ends with its memory, or when it is disposed.</summary>
/// <remarks>May be read by any thread, also by several: each event comes to one of them. Recording never waits for a reader: what does not fit is dropped, and counted.</remarks>
public sealed class SvmEventReader : IDisposable
{
    private readonly ulong _events;
    private int _disposed; // Interlocked.

    /// <summary>Wraps an open stream.</summary>
    /// <param name="events">The library's handle.</param>
    internal SvmEventReader(ulong events) => _events = events;

    /// <summary>Events that were dropped because the stream was full.</summary>
    public long Dropped => DroppedOf(SvmEventKind.None);

    /// <summary>Takes the oldest events, without waiting.</summary>
    /// <param name="events">Where to.</param>
    /// <returns>How many; 0 if there is none.</returns>
    /// <exception cref="SharedMemoryException">The memory was disposed.</exception>
    public unsafe int Read(Span<SvmEvent> events)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        ulong read;
        // SAFETY: pinned during the call, which writes at most its length.
        fixed (SvmEvent* buffer = events)
            NativeErrors.Check(NativeMethods.gpusvm_events_read(_events, buffer, (uint)sizeof(SvmEvent), (ulong)events.Length, out read));
        return (int)read;
    }

    /// <summary>Takes the events that are there, oldest first, and ends when there is none.</summary>
    /// <returns>The events, read in batches while they are enumerated.</returns>
    public IEnumerable<SvmEvent> ReadEvents()
    {
        var batch = new SvmEvent[256];
        for (int count = Read(batch); count > 0; count = Read(batch))
        {
            for (int i = 0; i < count; i++)
                yield return batch[i];
        }
    }

    /// <summary>Events of a kind that were dropped because the stream was full.</summary>
    /// <param name="kind">The kind; none for all.</param>
    /// <returns>How many since it was opened.</returns>
    public long DroppedOf(SvmEventKind kind)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // As Read.
        NativeErrors.Check(NativeMethods.gpusvm_events_dropped(_events, (uint)kind, out ulong dropped));
        return (long)dropped;
    }

    /// <summary>Ends the stream.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _ = NativeMethods.gpusvm_events_close(_events); // If its memory has ended, so has it.
    }
}
