// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// What the frames of one allocation point to: a count of who still needs the allocation, one for each page that lies in it and one for each call under way.
/// The last put releases the allocation. Kernel: struct drm_pagemap_zdd.
/// </summary>
/// <remarks>
/// When part of a block is given back to the device, the frames that are left keep this same object: for a reader without locks the owner of a live frame
/// never changes (INV-32), and there is nothing to hand over. That no page is left is known before the last call is: the allocation is detached then (INV-31).
/// </remarks>
public sealed class ZoneDeviceData
{
    private const int PagesShift = 32;

    private readonly object _gate = new(); // A monitor, for it can wait; pulsed when the last page leaves and somebody waits.
    private long _counts; // References in the low half, those of pages in the high half. Interlocked; 0 is released.
    private int _waiters; // Threads in WaitDetached. Interlocked.

    /// <summary>The allocation that the frames belong to.</summary>
    public DeviceAllocation Allocation { get; }

    /// <summary>Creates the data of an allocation, unreferenced.</summary>
    /// <param name="allocation">The allocation.</param>
    internal ZoneDeviceData(DeviceAllocation allocation) => Allocation = allocation;

    /// <summary>How many references there are: pages, and calls.</summary>
    public int References => (int)Volatile.Read(ref _counts); // Pairs with the interlocked changes below.

    /// <summary>How many pages lie in the allocation.</summary>
    public int Pages => (int)(Volatile.Read(ref _counts) >> PagesShift); // As above.

    /// <summary>Whether no page lies in the allocation (INV-31).</summary>
    public bool IsDetached => Pages == 0;

    /// <summary>Takes a reference for each of some pages that are about to lie in the allocation, while at least one reference is held.</summary>
    /// <param name="pages">How many.</param>
    internal void GetPages(int pages) => Interlocked.Add(ref _counts, ((long)pages << PagesShift) + pages);

    /// <summary>Takes a call's reference unless the allocation has been released.</summary>
    /// <returns>False if it has.</returns>
    public bool TryGet()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        for (long seen = Volatile.Read(ref _counts); seen != 0;) // Pairs with the exchange.
        {
            long now = Interlocked.CompareExchange(ref _counts, seen + 1, seen);
            if (now == seen)
                return true;
            seen = now;
        }

        return false;
    }

    /// <summary>Drops a call's reference; the last one releases the allocation.</summary>
    public void Put() => Drop(1);

    /// <summary>Drops the references of pages that have left; the last one of all releases the allocation.</summary>
    /// <param name="pages">How many.</param>
    internal void PutPages(int pages) => Drop(((long)pages << PagesShift) + pages);

    /// <summary>Starts a new life with one reference, for the call that allocates.</summary>
    internal void Revive() => Volatile.Write(ref _counts, 1); // Nobody else can see the allocation yet.

    /// <summary>Waits until no page lies in the allocation, or a moment has passed. The caller holds a reference.</summary>
    /// <returns>Whether none does.</returns>
    /// <remarks>Locking: a wait for claims to end; nothing of rank Invalidation or deeper may be held.</remarks>
    internal bool WaitDetached()
    {
        LockOrder.CheckTake(LockRank.Invalidation, "wait for the pages of a device allocation");
        Interlocked.Increment(ref _waiters); // Pairs with the read in Drop.
        if (!SchedulePoint.TryWait(this))
        {
            lock (_gate)
            {
                if (!IsDetached)
                    Monitor.Wait(_gate, millisecondsTimeout: 1);
            }
        }

        Interlocked.Decrement(ref _waiters); // As above.
        return IsDetached;
    }

    /// <summary>Drops references.</summary>
    /// <param name="counts">How many, in both halves.</param>
    private void Drop(long counts)
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        long left = Interlocked.Add(ref _counts, -counts);
        if ((int)left < 0 || left < 0)
            throw new InvalidOperationException("A device allocation was released more often than referenced.");
        if (left >> PagesShift == 0 && counts > 1 && Volatile.Read(ref _waiters) > 0) // Pairs with WaitDetached; a late one sees the count.
        {
            SchedulePoint.Signal(this);
            lock (_gate)
                Monitor.PulseAll(_gate);
        }

        if (left == 0)
            Allocation.Pagemap.Release(Allocation);
    }
}
