// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Core.Vm;

/// <summary>Moves a range's pages to the device: what a fault and what a prefetch want of the pagemap. Kernel: xe_drm_pagemap_populate_mm.</summary>
/// <param name="device">The device.</param>
/// <param name="timeslice">How long pages that a fault has brought stay there whatever the CPU does.</param>
internal sealed class RangeMigrator(VmDevice device, TimeSpan timeslice)
{
    /// <summary>How many pages of an interval lie on the device.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="workspace">Receives the entries.</param>
    /// <returns>The number of pages; a snapshot.</returns>
    public int CountDevicePages(AddressRange interval, HostWorkspace workspace) => device.Pagemap.CountHere(interval, workspace);

    /// <summary>Makes all pages of an interval device pages: those that are missing come.</summary>
    /// <param name="interval">Inside one mapping.</param>
    /// <param name="cause">On whose behalf. A prefetch, and what access counters bring, also makes an interval in pieces whole, where there is a free block for that; a fault does not take the time.</param>
    /// <param name="isPinned">Whether evictions are to take other pages first.</param>
    /// <param name="largest">The largest block that may be made of them.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="moved">How many pages came.</param>
    /// <returns>As <see cref="Pagemap.Populate"/>.</returns>
    public SvmStatus Migrate(AddressRange interval, MigrationCause cause, bool isPinned, PageOrder largest, HostWorkspace workspace, out int moved)
    {
        bool isUrgent = cause == MigrationCause.GpuFault;
        var details = new MigrationDetails(isUrgent ? timeslice : TimeSpan.Zero, CanMigrateSamePagemap: !isUrgent, IsPinned: isPinned, LargestBlock: largest);
        SvmStatus status = device.Pagemap.Populate(interval, details, cause, workspace, out MigrationResult result);
        moved = result.Moved;
        device.Ahead?.Notice();
        return status;
    }
}
