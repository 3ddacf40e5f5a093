// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>The allocations of a pagemap that hold pages, least recently used first. A GPU fault that finds or makes one counts as a use.</summary>
/// <remarks>Locking: one lock of rank DeviceMemory inside; nothing is called under it. All links are in the allocations.</remarks>
internal sealed class AllocationList
{
    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "AllocationList");
    private readonly AgeList<DeviceAllocation> _list = new(); // Guarded by _lock.

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

    /// <summary>Makes an allocation the most recently used.</summary>
    /// <param name="allocation">The allocation; ignored if it is not listed.</param>
    public void Touch(DeviceAllocation allocation)
    {
        using (_lock.Enter())
        {
            if (!allocation.IsListed || ReferenceEquals(allocation, _list.Newest))
                return;
            _list.Remove(allocation);
            _list.Add(allocation);
        }
    }

    /// <summary>Chooses the least recently used allocation that nobody else is evicting, with a reference on it.</summary>
    /// <returns>The victim; end with <see cref="EndEviction"/>. Null if there is none.</returns>
    public DeviceAllocation? PickVictim()
    {
        using (_lock.Enter())
        {
            for (DeviceAllocation? candidate = _list.Oldest; candidate is not null; candidate = ((IAged<DeviceAllocation>)candidate).Newer)
            {
                if (candidate.IsBeingEvicted || !candidate.ZoneData.TryGet())
                    continue;
                candidate.IsBeingEvicted = true;
                return candidate;
            }
        }

        return null;
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
}
