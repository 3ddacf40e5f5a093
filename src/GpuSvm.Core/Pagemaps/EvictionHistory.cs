// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Pagemaps;

/// <summary>Remembers which addresses were evicted lately and when they had been used last, and learns from those that come back after how long they do. Fixed size; what falls on
/// another's place displaces it.</summary>
/// <remarks>Time is counted in pages that come to the device, so it stands still while nothing is evicted. Locking: the owner's.</remarks>
/// <param name="pages">The device's memory in pages.</param>
internal sealed class EvictionHistory(int pages)
{
    private const int PagesPerPlace = 16; // The smallest chunk that is worth a place of its own; 4 KiB pages share one.
    private const int MemoriesRemembered = 8; // What comes back after this many times the device's memory is as good as new.
    private const int WeightOfReturn = 8; // Each return counts for one in so many; what is new takes a quarter of that away.
    private const int WeightOfNew = 32;

    private readonly Entry[] _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)Math.Max(pages / PagesPerPlace * 2, 64))];
    private long _interval; // In pages, times WeightOfNew so that small ones are not rounded away.

    /// <summary>What is remembered of one piece of addresses.</summary>
    /// <param name="Place">Its number, and 1; 0 for nobody's entry.</param>
    /// <param name="LastUse">When it had been used last.</param>
    private readonly record struct Entry(ulong Place, long LastUse);

    /// <summary>Now: how many pages have come so far.</summary>
    public long Now { get; private set; }

    /// <summary>After how long unused what was evicted comes back, lately; 0 if little does.</summary>
    public long Interval => _interval / WeightOfNew;

    /// <summary>Notes an eviction.</summary>
    /// <param name="start">The first address that has left.</param>
    /// <param name="lastUse">When it was used last, as far as is known.</param>
    public void NoteEviction(VirtualAddress start, long lastUse)
    {
        ulong place = start.PageNumber / PagesPerPlace;
        _entries[IndexOf(place)] = new Entry(place + 1, lastUse);
    }

    /// <summary>Notes an arrival, and what it says about intervals.</summary>
    /// <param name="start">The first address that has come.</param>
    /// <param name="count">How many pages.</param>
    /// <returns>How long it had not been used; null if it is new, or forgotten.</returns>
    public long? NoteArrival(VirtualAddress start, int count)
    {
        ulong place = start.PageNumber / PagesPerPlace;
        ref Entry entry = ref _entries[IndexOf(place)];
        long? unused = entry.Place == place + 1 ? Now - entry.LastUse : null;
        if (unused is not null)
            entry = default;
        if (unused > (long)pages * MemoriesRemembered)
            unused = null;
        Now += count;
        _interval += unused is { } interval ? ((interval * WeightOfNew) - _interval) / WeightOfReturn : -(_interval / WeightOfNew);
        return unused;
    }

    /// <summary>Where a piece's entry is.</summary>
    /// <param name="place">The piece's number.</param>
    /// <returns>Its index.</returns>
    private int IndexOf(ulong place) => (int)(((place * 0x9E3779B97F4A7C15) >> 32) & (ulong)(_entries.Length - 1)); // Fibonacci hashing: chunks of 2 MiB are 32 places apart.
}
