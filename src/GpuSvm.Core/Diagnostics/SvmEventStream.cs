// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>
/// The events that one reader has not read yet: a ring of fixed size between any number of recorders and any number of reading threads.
/// </summary>
/// <remarks>
/// A full ring drops the newest and counts it by its kind: what was recorded stays whole and in order, and a recorder never touches what a reader may be copying.
///
/// Each place has a number. A place is free for the event of number n when its own is n; the recorder that takes n by moving the tail writes the event and sets n + 1;
/// a reader that takes it by moving the head sets n + capacity. Whoever fails to move head or tail has been overtaken by one that succeeded, so nobody waits: recording
/// may stand under any lock. A recorder that is stopped between taking a place and filling it delays readers there, not other recorders.
/// </remarks>
public sealed class SvmEventStream
{
    private readonly Place[] _places;
    private readonly long[] _dropped = new long[Kinds]; // Interlocked.
    private long _tail; // The next to record. Interlocked.
    private long _head; // The next to read. Interlocked.

    /// <summary>The number of kinds, with none.</summary>
    public const int Kinds = (int)SvmEventKind.QueueRestore + 1;

    /// <summary>Makes an empty ring.</summary>
    /// <param name="capacity">Events, a power of two.</param>
    internal SvmEventStream(int capacity)
    {
        _places = new Place[capacity];
        for (int i = 0; i < capacity; i++)
            _places[i].Number = i;
    }

    /// <summary>A place of the ring.</summary>
    private struct Place
    {
        /// <summary>Whose turn it is; see the type's remarks.</summary>
        public long Number;

        /// <summary>The event.</summary>
        public SvmEvent Event;
    }

    /// <summary>How many events it holds.</summary>
    public int Capacity => _places.Length;

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
        while (count < events.Length && TryRead(ref events[count]))
            count++;
        return count;
    }

    /// <summary>Takes the oldest event.</summary>
    /// <param name="one">The event; left alone if there is none.</param>
    /// <returns>False if there is none.</returns>
    private bool TryRead(ref SvmEvent one)
    {
        long head = Volatile.Read(ref _head);
        while (true)
        {
            ref Place place = ref _places[head & (_places.Length - 1)];
            long number = Volatile.Read(ref place.Number); // Pairs with the write in TryRecord.
            if (number == head + 1)
            {
                long seen = Interlocked.CompareExchange(ref _head, head + 1, head);
                if (seen == head)
                {
                    one = place.Event;
                    Volatile.Write(ref place.Number, head + _places.Length); // Pairs with the read in TryRecord.
                    return true;
                }

                head = seen;
            }
            else if (number <= head)
            {
                return false;
            }
            else
            {
                head = Volatile.Read(ref _head); // Another reader was here.
            }
        }
    }

    /// <summary>Records an event, or counts it as dropped.</summary>
    /// <param name="one">The event.</param>
    internal void Record(in SvmEvent one)
    {
        long tail = Volatile.Read(ref _tail);
        while (true)
        {
            ref Place place = ref _places[tail & (_places.Length - 1)];
            long number = Volatile.Read(ref place.Number); // Pairs with the write in TryRead.
            if (number == tail)
            {
                long seen = Interlocked.CompareExchange(ref _tail, tail + 1, tail);
                if (seen == tail)
                {
                    place.Event = one;
                    Volatile.Write(ref place.Number, tail + 1); // Pairs with the read in TryRead.
                    return;
                }

                tail = seen;
            }
            else if (number < tail)
            {
                Interlocked.Increment(ref _dropped[(int)one.Kind]);
                return;
            }
            else
            {
                tail = Volatile.Read(ref _tail); // Another recorder was here.
            }
        }
    }
}
