// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>A ring of fixed size between any number of threads that add and any number that take. What does not fit is refused; nobody waits.</summary>
/// <remarks>
/// Each place has a number. A place is free for the record of number n when its own is n; who adds and takes n by moving the tail writes the record and sets n + 1;
/// who takes it by moving the head sets n + capacity. Whoever fails to move head or tail has been overtaken by one that succeeded, so nobody waits: adding
/// may stand under any lock. One that is stopped between taking a place and filling it delays takers there, not others that add.
/// </remarks>
/// <typeparam name="T">A record; copied in and out.</typeparam>
public sealed class RecordRing<T>
    where T : struct
{
    private readonly Place[] _places;
    private long _tail; // The next to add. Interlocked.
    private long _head; // The next to take. Interlocked.

    /// <summary>Makes an empty ring.</summary>
    /// <param name="capacity">Records, a power of two, at least 2: in a ring of one place a full one cannot be told from an empty one.</param>
    public RecordRing(int capacity)
    {
        if (capacity < 2 || !int.IsPow2(capacity))
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "A ring has a power of two of places, at least 2.");
        _places = new Place[capacity];
        for (int i = 0; i < capacity; i++)
            _places[i].Number = i;
    }

    /// <summary>A place of the ring.</summary>
    private struct Place
    {
        /// <summary>Whose turn it is; see the type's remarks.</summary>
        public long Number;

        /// <summary>The record.</summary>
        public T Record;
    }

    /// <summary>How many records it holds.</summary>
    public int Capacity => _places.Length;

    /// <summary>Adds a record behind all others.</summary>
    /// <param name="record">The record.</param>
    /// <returns>False if there is no room.</returns>
    /// <remarks>Locking: may hold anything. Allocates nothing.</remarks>
    public bool TryAdd(in T record)
    {
        long tail = Volatile.Read(ref _tail);
        while (true)
        {
            ref Place place = ref _places[tail & (_places.Length - 1)];
            long number = Volatile.Read(ref place.Number); // Pairs with the write in TryTake.
            if (number == tail)
            {
                long seen = Interlocked.CompareExchange(ref _tail, tail + 1, tail);
                if (seen == tail)
                {
                    place.Record = record;
                    Volatile.Write(ref place.Number, tail + 1); // Pairs with the read in TryTake.
                    return true;
                }

                tail = seen;
            }
            else if (number < tail)
            {
                return false;
            }
            else
            {
                tail = Volatile.Read(ref _tail); // Another was here.
            }
        }
    }

    /// <summary>Takes the oldest record.</summary>
    /// <param name="record">The record; left alone if there is none.</param>
    /// <returns>False if there is none.</returns>
    public bool TryTake(ref T record)
    {
        long head = Volatile.Read(ref _head);
        while (true)
        {
            ref Place place = ref _places[head & (_places.Length - 1)];
            long number = Volatile.Read(ref place.Number); // Pairs with the write in TryAdd.
            if (number == head + 1)
            {
                long seen = Interlocked.CompareExchange(ref _head, head + 1, head);
                if (seen == head)
                {
                    record = place.Record;
                    Volatile.Write(ref place.Number, head + _places.Length); // Pairs with the read in TryAdd.
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
                head = Volatile.Read(ref _head); // Another was here.
            }
        }
    }
}
