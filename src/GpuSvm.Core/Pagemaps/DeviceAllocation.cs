// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// One block of device memory: the unit that a CPU fault brings home and that eviction pushes out. It knows frames, never addresses.
/// Kernel: struct drm_pagemap_devmem.
/// </summary>
public sealed class DeviceAllocation
{
    /// <summary>Creates an allocation object; it is recycled with other frames later.</summary>
    /// <param name="pagemap">The pagemap it belongs to.</param>
    internal DeviceAllocation(Pagemap pagemap)
    {
        Pagemap = pagemap;
        ZoneData = new ZoneDeviceData(this);
    }

    /// <summary>The pagemap it belongs to.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>The count of who needs it.</summary>
    public ZoneDeviceData ZoneData { get; }

    /// <summary>The first frame.</summary>
    public DeviceFrame First { get; internal set; }

    /// <summary>The block's order.</summary>
    public PageOrder Order { get; internal set; }

    /// <summary>Whether an eviction has it in its hands. Guarded by the allocation list's lock.</summary>
    internal bool IsBeingEvicted { get; set; }

    /// <summary>Whether it is in the list. Guarded by the allocation list's lock.</summary>
    internal bool IsListed { get; set; }

    /// <summary>The next more recently used allocation. Guarded by the allocation list's lock.</summary>
    internal DeviceAllocation? Newer { get; set; }

    /// <summary>The next less recently used allocation. Guarded by the allocation list's lock.</summary>
    internal DeviceAllocation? Older { get; set; }
}
