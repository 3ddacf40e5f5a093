// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Linux;

/// <summary>
/// The slots of one size: those with pages, those without, and those never used. Taking and giving back is a push or a pop.
/// </summary>
internal sealed class StagingClass
{
    private readonly RankedLock _lock;
    private readonly ulong _start;
    private readonly PageOrder _order;
    private readonly int _capacity;
    private readonly int _keep;

    // Guarded by _lock.
    private StagingSlot? _filled;
    private StagingSlot? _empty;
    private int _filledCount;
    private int _created;

    /// <summary>A class over a piece of the staging area.</summary>
    /// <param name="name">Its name in lock messages.</param>
    /// <param name="start">The piece's first byte, aligned to the slot size.</param>
    /// <param name="order">The slots' order.</param>
    /// <param name="isWhole">Whether for whole huge pages.</param>
    /// <param name="capacity">Most slots there can be.</param>
    /// <param name="keep">Most filled slots to keep.</param>
    internal StagingClass(string name, ulong start, PageOrder order, bool isWhole, int capacity, int keep)
    {
        _lock = new RankedLock(LockRank.Leaf, name);
        _start = start;
        _order = order;
        IsWhole = isWhole;
        _capacity = capacity;
        _keep = Math.Min(keep, capacity);
    }

    /// <summary>Whether its slots take whole huge pages; the class of the same order beside it takes 512 small ones.</summary>
    internal bool IsWhole { get; }

    /// <summary>Filled slots waiting now.</summary>
    internal int FilledCount => Volatile.Read(ref _filledCount); // A figure for reports.

    /// <summary>Takes a slot.</summary>
    /// <param name="filled">Whether one with pages is wanted.</param>
    /// <param name="hasPages">Whether the slot has pages; if that is not what was wanted, the caller fills or drops them.</param>
    /// <returns>The slot, or null if all are in use. Locking: takes the class's leaf lock.</returns>
    internal StagingSlot? Take(bool filled, out bool hasPages)
    {
        using (_lock.Enter())
        {
            StagingSlot? slot;
            hasPages = filled && _filled is not null;
            if (hasPages)
                slot = PopFilledLocked();
            else if (_empty is not null)
                (slot, _empty) = (_empty, _empty.Next);
            else if (_filled is { IsLeftByCopy: true })
                (slot, hasPages) = (PopFilledLocked(), true); // Another slot instead would leave its pages lie for ever.
            else if (_created < _capacity)
                slot = new StagingSlot(this, _start + ((ulong)_created++ * (ulong)_order.Bytes), _order);
            else
                slot = (hasPages = _filled is not null) ? PopFilledLocked() : null;
            if (slot is not null)
                slot.Next = null;
            return slot;
        }
    }

    /// <summary>Gives a slot with pages back, if there is room for it.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>False if enough are kept: drop the pages and give it back empty. Locking: takes the class's leaf lock.</returns>
    internal bool TryKeepFilled(StagingSlot slot)
    {
        using (_lock.Enter())
        {
            if (_filledCount >= _keep)
                return false;
            slot.Next = _filled;
            _filled = slot;
            _filledCount++;
            return true;
        }
    }

    /// <summary>Gives a slot without pages back.</summary>
    /// <param name="slot">The slot. Locking: takes the class's leaf lock.</param>
    internal void KeepEmpty(StagingSlot slot)
    {
        using (_lock.Enter())
        {
            slot.Next = _empty;
            _empty = slot;
        }
    }

    /// <summary>Takes the first filled slot off its list.</summary>
    /// <returns>The slot; there must be one.</returns>
    private StagingSlot PopFilledLocked()
    {
        _lock.AssertHeld();
        StagingSlot slot = _filled!;
        _filled = slot.Next;
        _filledCount--;
        return slot;
    }
}
