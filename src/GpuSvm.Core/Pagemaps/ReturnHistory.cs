// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Pagemaps;

/// <summary>Remembers which blocks of addresses CPU faults have called home lately: an allocation cannot, for it ends when its pages leave. Fixed size; a block that
/// falls on another's place displaces it.</summary>
/// <remarks>Locking: one leaf lock.</remarks>
/// <param name="time">The clock.</param>
internal sealed class ReturnHistory(TimeProvider time)
{
    private const int Places = 256;
    private const int StreakMilliseconds = 50; // Returns within this time of each other are one quarrel.

    private readonly RankedLock _lock = new(LockRank.Leaf, "ReturnHistory");
    private readonly Entry[] _entries = new Entry[Places]; // Guarded by _lock.

    /// <summary>What is remembered of one block.</summary>
    /// <param name="Block">Its first page's number.</param>
    /// <param name="Last">When it was last called home.</param>
    /// <param name="Count">How often in a row; 0 for nobody's entry.</param>
    private readonly record struct Entry(ulong Block, long Last, int Count);

    /// <summary>What is known of a block that a CPU fault is about to call home.</summary>
    /// <param name="start">The block's start.</param>
    /// <param name="order">Its order.</param>
    /// <param name="pagesGone">Pages that lie in its allocation no more.</param>
    /// <returns>The facts.</returns>
    public ReturnFacts FactsOf(VirtualAddress start, PageOrder order, int pagesGone)
    {
        using (_lock.Enter())
        {
            Entry known = _entries[PlaceOf(start, order)];
            TimeSpan since = known.Count > 0 && known.Block == start.PageNumber ? time.GetElapsedTime(known.Last) : TimeSpan.MaxValue;
            return new ReturnFacts(order.Bytes, since.TotalMilliseconds < StreakMilliseconds ? known.Count : 0, pagesGone, since);
        }
    }

    /// <summary>Notes that a CPU fault has called a block, or a page of it, home.</summary>
    /// <param name="start">The block's start.</param>
    /// <param name="order">Its order.</param>
    public void Note(VirtualAddress start, PageOrder order)
    {
        long now = time.GetTimestamp();
        using (_lock.Enter())
        {
            ref Entry entry = ref _entries[PlaceOf(start, order)];
            bool isStreak = entry.Block == start.PageNumber && time.GetElapsedTime(entry.Last, now).TotalMilliseconds < StreakMilliseconds;
            entry = new Entry(start.PageNumber, now, isStreak ? entry.Count + 1 : 1);
        }
    }

    /// <summary>Where a block's entry is.</summary>
    /// <param name="start">The block's start.</param>
    /// <param name="order">Its order.</param>
    /// <returns>Its index.</returns>
    private static int PlaceOf(VirtualAddress start, PageOrder order) => (int)((start.PageNumber >> order.Value) % Places);
}
