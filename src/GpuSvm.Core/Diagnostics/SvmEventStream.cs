// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>The events that one reader has not read yet: a ring of fixed size between any number of recorders and any number of reading threads.</summary>
/// <remarks>A full ring drops the newest and counts it by its kind: what was recorded stays whole and in order, and a recorder never touches what a reader may be copying
/// (<see cref="RecordRing{T}"/>).</remarks>
public sealed class SvmEventStream
{
    private readonly RecordRing<SvmEvent> _ring;
    private readonly long[] _dropped = new long[Kinds]; // Interlocked.

    /// <summary>The number of kinds, with none.</summary>
    public const int Kinds = (int)SvmEventKind.QueueRestore + 1;

    /// <summary>Makes an empty ring.</summary>
    /// <param name="capacity">Events, a power of two.</param>
    internal SvmEventStream(int capacity) => _ring = new RecordRing<SvmEvent>(capacity);

    /// <summary>How many events it holds.</summary>
    public int Capacity => _ring.Capacity;

    /// <summary>Events that were not recorded because the ring was full.</summary>
    /// <param name="kind">Of which kind; none for all.</param>
    /// <returns>How many since it was opened.</returns>
    public long Dropped(SvmEventKind kind = SvmEventKind.None)
    {
        if (kind != SvmEventKind.None)
            return Interlocked.Read(ref _dropped[(int)kind]);
        long all = 0;
        for (int i = 0; i < Kinds; i++)
            all += Interlocked.Read(ref _dropped[i]);
        return all;
    }

    /// <summary>Takes the oldest events. Never waits.</summary>
    /// <param name="events">Where to.</param>
    /// <returns>How many; 0 if there is none.</returns>
    public int Read(Span<SvmEvent> events)
    {
        int count = 0;
        while (count < events.Length && _ring.TryTake(ref events[count]))
            count++;
        return count;
    }

    /// <summary>Records an event, or counts it as dropped.</summary>
    /// <param name="one">The event.</param>
    internal void Record(in SvmEvent one)
    {
        if (!_ring.TryAdd(one))
            Interlocked.Increment(ref _dropped[(int)one.Kind]);
    }
}
