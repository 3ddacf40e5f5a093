// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Pagemaps;

/// <summary>The allocations of a pagemap that hold pages, in the order in which they are candidates for eviction. A GPU fault that finds one counts as a use.</summary>
/// <remarks>Locking: one lock of rank DeviceMemory inside; under it only the policy is asked and the device's use marks are read. All links are in the allocations.</remarks>
/// <param name="memory">The device's memory.</param>
internal sealed class AllocationList(IDeviceMemory memory)
{
    private const int MostSpared = 256; // An eviction looks at no more: who waits for it is a fault.

    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "AllocationList");
    private readonly AgeList<DeviceAllocation> _list = new(); // Guarded by _lock.
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
    public int Count => _list.Count;

    /// <summary>Lists an allocation as the most recently used.</summary>
    /// <param name="allocation">One that is not listed.</param>
    public void Add(DeviceAllocation allocation)
    {
        using (_lock.Enter())
        {
            _list.Add(allocation);
            allocation.IsListed = true;
            allocation.WasUsed = false;
            allocation.IsBeingEvicted = false;
        }
    }

    /// <summary>Takes an allocation off the list, if it is there.</summary>
    /// <param name="allocation">The allocation.</param>
    public void Remove(DeviceAllocation allocation)
    {
        using (_lock.Enter())
        {
            if (!allocation.IsListed)
                return;
            _list.Remove(allocation);
            allocation.IsListed = false;
        }
    }

    /// <summary>Notes a use of an allocation by a fault.</summary>
    /// <param name="allocation">The allocation; ignored if it is not listed.</param>
    public void Touch(DeviceAllocation allocation)
    {
        using (_lock.Enter())
        {
            allocation.WasUsed = true;
            if (!allocation.IsListed || !_policy.OrdersByUse || ReferenceEquals(allocation, _list.Newest))
                return;
            _list.Remove(allocation);
            _list.Add(allocation);
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
    public void EndEviction(DeviceAllocation victim)
    {
        using (_lock.Enter())
        {
            victim.IsBeingEvicted = false;
            if (victim.IsListed)
            {
                _list.Remove(victim);
                _list.Add(victim);
            }
        }

        victim.ZoneData.Put();
    }

    /// <summary>As <see cref="PickVictim"/>, among those that are pinned or those that are not.</summary>
    /// <param name="pinned">Which.</param>
    /// <returns>The victim, or null.</returns>
    private DeviceAllocation? PickVictimLocked(bool pinned)
    {
        int spared = 0;
        DeviceAllocation? next;
        for (DeviceAllocation? candidate = _list.Oldest; candidate is not null; candidate = next)
        {
            next = ((IAged<DeviceAllocation>)candidate).Newer;
            if (candidate.IsBeingEvicted || candidate.IsPinned != pinned)
                continue;
            if (spared < Math.Min(MostSpared, _list.Count) && !IsVictimLocked(candidate, spared))
            {
                _list.Remove(candidate);
                _list.Add(candidate);
                candidate.WasUsed = false;
                spared++;
                next ??= candidate;
                continue;
            }

            if (!candidate.ZoneData.TryGet())
                continue;
            candidate.IsBeingEvicted = true;
            return candidate;
        }

        return null;
    }

    /// <summary>Whether the policy wants a candidate evicted.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <param name="spared">How many were spared before it.</param>
    /// <returns>True if so.</returns>
    private bool IsVictimLocked(DeviceAllocation candidate, int spared)
    {
        bool wasUsed = memory.TakeUse(candidate.First, candidate.Order.Pages) | candidate.WasUsed;
        return _policy.IsVictim(new EvictionFacts(candidate.Order.Bytes, candidate.ZoneData.Pages, wasUsed, spared));
    }
}
