// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Pagemaps;

/// <summary>The allocations of a pagemap that hold pages, in the order in which they are candidates for eviction. A GPU fault that finds one counts as a use.</summary>
/// <remarks>
/// Most policies know one order: what has come, or was faulted on, is the last candidate. For a policy that asks for reuse (<see cref="IReuseEvictionPolicy"/>) what comes goes through
/// two short lists before it is a candidate among the others: fresh, where it is left alone, because it is being worked on and marked as used anyway; then young, with its marks taken
/// away, where it shows whether it is used again. Together they hold an eighth of all pages, more of a small memory. As long as what is evicted does not come back the oldest of the others leaves, and the three
/// lists are one. If it does (<see cref="EvictionHistory"/>), the policy may have the oldest young one leave instead: then the others stay, and what does not fit shares the eighth.
///
/// Locking: one lock of rank DeviceMemory inside; under it only the policy is asked and the device's use marks are read. All links are in the allocations.
/// </remarks>
/// <param name="memory">The device's memory.</param>
internal sealed class AllocationList(IDeviceMemory memory)
{
    private const int MostSpared = 256; // An eviction looks at no more: who waits for it is a fault.
    private const int ShareOfArrivals = 16; // Fresh and young ones have one page in so many each,
    private const int LeastArrivals = 4 * PageSize.PagesPerHuge; // but as many pages at least: a kernel has a few streams, and what comes piece by piece is to be whole before it leaves.
    private const int LargestShare = 6; // In a very small memory, one page in so many.

    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "AllocationList");
    private readonly AgedAllocations _fresh = new(AllocationAge.Fresh); // Guarded by _lock, like the others.
    private readonly AgedAllocations _young = new(AllocationAge.Young);
    private readonly AgedAllocations _settled = new(AllocationAge.Settled);
    private readonly EvictionHistory _history = new(memory.Pages); // Guarded by _lock.
    private IEvictionPolicy _policy = new UseEviction(); // Guarded by _lock.

    /// <summary>Chooses victims.</summary>
    public IEvictionPolicy Policy
    {
        get
        {
            using (_lock.Enter())
                return _policy;
        }
        set
        {
            using (_lock.Enter())
                _policy = value;
        }
    }

    /// <summary>The number of allocations listed; a snapshot.</summary>
    public int Count => _fresh.Count + _young.Count + _settled.Count;

    /// <summary>How many pages a list of arrivals has. Guarded by _lock.</summary>
    private long ShareLocked
    {
        get
        {
            long pages = _fresh.Pages + _young.Pages + _settled.Pages;
            return Math.Max(pages / ShareOfArrivals, Math.Min(pages / LargestShare, LeastArrivals));
        }
    }

    /// <summary>Lists an allocation as the most recently used.</summary>
    /// <param name="allocation">One that is not listed.</param>
    /// <param name="start">The first address whose pages have come into it.</param>
    public void Add(DeviceAllocation allocation, VirtualAddress start)
    {
        using (_lock.Enter())
        {
            long? unused = _history.NoteArrival(start, allocation.Order.Pages);
            allocation.WasUsed = false;
            allocation.IsBeingEvicted = false;
            allocation.LastUse = _history.Now;
            if (_policy is not IReuseEvictionPolicy policy)
                _settled.Add(allocation);
            else if (unused is { } interval && _settled.Oldest is { } oldest && policy.GivesWay(FactsOf(oldest, interval)))
                _settled.Add(allocation);
            else
                ArriveLocked(allocation);
        }
    }

    /// <summary>Takes an allocation off the list, if it is there.</summary>
    /// <param name="allocation">The allocation.</param>
    public void Remove(DeviceAllocation allocation)
    {
        using (_lock.Enter())
            TakeOutLocked(allocation);
    }

    /// <summary>Notes a use of an allocation by a fault.</summary>
    /// <param name="allocation">The allocation; ignored if it is not listed.</param>
    public void Touch(DeviceAllocation allocation)
    {
        using (_lock.Enter())
        {
            if (allocation.Age == AllocationAge.Settled && _policy.OrdersByUse && !ReferenceEquals(allocation, _settled.Newest))
                RenewLocked(allocation);
            allocation.WasUsed = true;
        }
    }

    /// <summary>Chooses an allocation that nobody else is evicting, as the policy says, and takes a reference on it.</summary>
    /// <returns>The victim; end with <see cref="EndEviction"/>. Null if there is none.</returns>
    public DeviceAllocation? PickVictim()
    {
        using (_lock.Enter())
            return PickVictimLocked(pinned: false) ?? PickVictimLocked(pinned: true);
    }

    /// <summary>Ends an eviction: a victim that could not be emptied is tried last next time. Drops the victim's reference.</summary>
    /// <param name="victim">What <see cref="PickVictim"/> gave.</param>
    /// <param name="evicted">The first address that has left; null if none has, or that is not known.</param>
    public void EndEviction(DeviceAllocation victim, VirtualAddress? evicted = null)
    {
        using (_lock.Enter())
        {
            if (evicted is { } start)
                _history.NoteEviction(start, victim.LastUse);
            victim.IsBeingEvicted = false;
            if (victim.Age != AllocationAge.None)
                RenewLocked(victim);
        }

        victim.ZoneData.Put();
    }

    /// <summary>As <see cref="PickVictim"/>, among those that are pinned or those that are not.</summary>
    /// <param name="pinned">Which.</param>
    /// <returns>The victim, or null.</returns>
    private DeviceAllocation? PickVictimLocked(bool pinned)
    {
        int most = Math.Min(MostSpared, Count);
        DeviceAllocation? firstSpared = null; // When the settled begin with it, all of them have been looked at.
        for (int spared = 0; spared < most; spared++)
        {
            DeviceAllocation? oldest = _settled.FirstCandidate(pinned);
            if (ReferenceEquals(oldest, firstSpared))
                oldest = null;
            DeviceAllocation? candidate = oldest;
            bool isVictim = oldest is not null && IsVictimLocked(oldest, spared);
            if (oldest is null || (isVictim && MayTakeArrivalLocked(oldest)))
            {
                candidate = _young.FirstCandidate(pinned) ?? (oldest is null ? _fresh.FirstCandidate(pinned) : oldest);
                if (candidate is null)
                    break;
                isVictim = ReferenceEquals(candidate, oldest) || IsVictimLocked(candidate, spared);
            }

            if (isVictim && TryTakeLocked(candidate!))
                return candidate;
            RenewLocked(candidate!); // Spared, or going anyway.
            firstSpared ??= candidate;
        }

        return TakeFirstLocked(_settled, pinned) ?? TakeFirstLocked(_young, pinned) ?? TakeFirstLocked(_fresh, pinned);
    }

    /// <summary>Whether a young one leaves before the oldest of the settled.</summary>
    /// <param name="oldest">That one.</param>
    /// <returns>True if so.</returns>
    private bool MayTakeArrivalLocked(DeviceAllocation oldest)
        => _policy is IReuseEvictionPolicy policy && _young.Pages * 2 >= ShareLocked && !policy.GivesWay(FactsOf(oldest, _history.Interval));

    /// <summary>Takes the first one that is not going anyway.</summary>
    /// <param name="ages">Out of which list.</param>
    /// <param name="pinned">Among those that are pinned or those that are not.</param>
    /// <returns>The victim, with a reference; null if there is none.</returns>
    private static DeviceAllocation? TakeFirstLocked(AgedAllocations ages, bool pinned)
    {
        for (DeviceAllocation? candidate = ages.FirstCandidate(pinned); candidate is not null; candidate = ages.FirstCandidate(pinned, candidate))
        {
            if (TryTakeLocked(candidate))
                return candidate;
        }

        return null;
    }

    /// <summary>Makes a candidate the victim.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <returns>False if its last page has just gone.</returns>
    private static bool TryTakeLocked(DeviceAllocation candidate) => candidate.IsBeingEvicted = candidate.ZoneData.TryGet();

    /// <summary>Whether the policy wants a candidate evicted.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <param name="spared">How many were spared before it.</param>
    /// <returns>True if so.</returns>
    private bool IsVictimLocked(DeviceAllocation candidate, int spared)
    {
        bool wasUsed = memory.TakeUse(candidate.First, candidate.Order.Pages) | candidate.WasUsed;
        return _policy.IsVictim(new EvictionFacts(candidate.Order.Bytes, candidate.ZoneData.Pages, wasUsed, spared));
    }

    /// <summary>Makes an allocation the last candidate, as used just now and not since.</summary>
    /// <param name="allocation">A listed one.</param>
    private void RenewLocked(DeviceAllocation allocation)
    {
        TakeOutLocked(allocation);
        allocation.LastUse = _history.Now;
        allocation.WasUsed = false;
        _settled.Add(allocation);
    }

    /// <summary>Lists one that has come as fresh; the oldest fresh one becomes young, and the oldest young one settles.</summary>
    /// <param name="allocation">The allocation.</param>
    private void ArriveLocked(DeviceAllocation allocation)
    {
        _fresh.Add(allocation);
        while (IsOverLocked(_fresh))
        {
            DeviceAllocation young = _fresh.Oldest!;
            _ = memory.TakeUse(young.First, young.Order.Pages);
            young.WasUsed = false;
            _fresh.Remove(young);
            _young.Add(young);
        }

        while (IsOverLocked(_young))
        {
            DeviceAllocation settled = _young.Oldest!;
            _young.Remove(settled);
            _settled.Add(settled);
        }
    }

    /// <summary>Whether a list of arrivals has more than its share.</summary>
    /// <param name="arrivals">The list.</param>
    /// <returns>True if so.</returns>
    private bool IsOverLocked(AgedAllocations arrivals) => arrivals.Count > 1 && arrivals.Pages > ShareLocked;

    /// <summary>Takes an allocation out of the list it is in.</summary>
    /// <param name="allocation">The allocation.</param>
    private void TakeOutLocked(DeviceAllocation allocation)
    {
        switch (allocation.Age)
        {
            case AllocationAge.Fresh:
                _fresh.Remove(allocation);
                break;
            case AllocationAge.Young:
                _young.Remove(allocation);
                break;
            case AllocationAge.Settled:
                _settled.Remove(allocation);
                break;
        }
    }

    /// <summary>What the policy is told.</summary>
    /// <param name="oldest">What was not used for longest.</param>
    /// <param name="interval">The interval it is compared with.</param>
    /// <returns>The facts.</returns>
    private ReuseFacts FactsOf(DeviceAllocation oldest, long interval) => new(_history.Now - oldest.LastUse, interval);
}
