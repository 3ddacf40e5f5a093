// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>One of the lists of an <see cref="AllocationList"/>: allocations in the order in which they were added, and how many pages they were made for.</summary>
/// <remarks>Locking: the owner's.</remarks>
/// <param name="age">What an allocation in it is marked with.</param>
internal sealed class AgedAllocations(AllocationAge age)
{
    private readonly AgeList<DeviceAllocation> _list = new();

    /// <summary>How many there are.</summary>
    public int Count => _list.Count;

    /// <summary>The pages that they were made for.</summary>
    public long Pages { get; private set; }

    /// <summary>The one that was added first; null if there is none.</summary>
    public DeviceAllocation? Oldest => _list.Oldest;

    /// <summary>The one that was added last; null if there is none.</summary>
    public DeviceAllocation? Newest => _list.Newest;

    /// <summary>Adds one at the newest end.</summary>
    /// <param name="allocation">One that is in no list.</param>
    public void Add(DeviceAllocation allocation)
    {
        _list.Add(allocation);
        allocation.Age = age;
        Pages += allocation.Order.Pages;
    }

    /// <summary>Removes one.</summary>
    /// <param name="allocation">One that is in this list.</param>
    public void Remove(DeviceAllocation allocation)
    {
        _list.Remove(allocation);
        allocation.Age = AllocationAge.None;
        Pages -= allocation.Order.Pages;
    }

    /// <summary>The oldest one that nobody is evicting.</summary>
    /// <param name="pinned">Among those that are pinned or those that are not.</param>
    /// <param name="after">Only what was added after this one; null for all.</param>
    /// <returns>The candidate; null if there is none.</returns>
    public DeviceAllocation? FirstCandidate(bool pinned, DeviceAllocation? after = null)
    {
        DeviceAllocation? candidate = after is null ? _list.Oldest : ((IAged<DeviceAllocation>)after).Newer;
        while (candidate is not null && (candidate.IsBeingEvicted || candidate.IsPinned != pinned))
            candidate = ((IAged<DeviceAllocation>)candidate).Newer;
        return candidate;
    }
}
