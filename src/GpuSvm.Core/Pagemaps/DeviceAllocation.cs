// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// One block of device memory: the unit that a CPU fault brings home and that eviction pushes out. It knows frames, never addresses.
/// Kernel: struct drm_pagemap_devmem.
/// </summary>
/// <remarks>A frame that a page has left goes back to the device at once, so that of a block of 2 MiB only what is in use stays taken. (The kernel keeps the
/// whole allocation until its last page has gone.)</remarks>
public sealed class DeviceAllocation : IAged<DeviceAllocation>
{
    private long _guaranteedUntil; // Written before a page can be found here; read without locks.

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

    /// <summary>The first frame of the block as it was allocated.</summary>
    public DeviceFrame First { get; internal set; }

    /// <summary>The block's order as it was allocated.</summary>
    public PageOrder Order { get; internal set; }

    /// <summary>What must have passed on the device's engine before other engines touch the block; 0 for nothing. Kernel: pre_migrate_fence.</summary>
    public ulong Fence { get; internal set; }

    /// <summary>Whether the block reads as zeroes once <see cref="Fence"/> has passed.</summary>
    public bool IsCleared { get; internal set; }

    /// <summary>The timestamp until which CPU faults do not take its pages; 0 for none (INV-34). Kernel: timeslice_expiration.</summary>
    public long GuaranteedUntil
    {
        get => Volatile.Read(ref _guaranteedUntil); // Pairs with the write before the pages are published.
        internal set => Volatile.Write(ref _guaranteedUntil, value); // As above.
    }

    /// <summary>Whether it holds copies of pages that stay in RAM, each the property of a mapping, instead of pages. Written before it is listed.</summary>
    public bool HoldsCopies { get; internal set; }

    /// <summary>The next record that waits for another use. Guarded by the pagemap's lock of what is recycled.</summary>
    internal DeviceAllocation? NextRecycled { get; set; }

    /// <summary>Whether evictions take others first. Guarded by the allocation list's lock, written before it is listed.</summary>
    internal bool IsPinned { get; set; }

    /// <summary>Whether an eviction has it in its hands. Guarded by the allocation list's lock.</summary>
    internal bool IsBeingEvicted { get; set; }

    /// <summary>Whether a fault has used it since it came or was last spared. Guarded by the allocation list's lock.</summary>
    internal bool WasUsed { get; set; }

    /// <summary>Which list it is in. Guarded by the allocation list's lock.</summary>
    internal AllocationAge Age { get; set; }

    /// <summary>When it was last known to be used, in pages that have come. Guarded by the allocation list's lock.</summary>
    internal long LastUse { get; set; }

    /// <inheritdoc/>
    DeviceAllocation? IAged<DeviceAllocation>.Newer { get; set; }

    /// <inheritdoc/>
    DeviceAllocation? IAged<DeviceAllocation>.Older { get; set; }
}
