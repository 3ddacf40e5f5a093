// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Core.Vm;

/// <summary>Moves a range's pages to the device, making room first. Kernel: xe_drm_pagemap_populate_mm over TTM's eviction.</summary>
internal sealed class RangeMigrator(HostAddressSpace host, Pagemap pagemap)
{
    private const int MaxEvictions = 4096;
    private const int MaxFailedEvictions = 16;

    /// <summary>How many pages of an interval lie on the device.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="workspace">Receives the entries.</param>
    /// <returns>The number of pages; a snapshot.</returns>
    public int CountDevicePages(AddressRange interval, HostWorkspace workspace)
    {
        Span<PageEntry> entries = workspace.Entries.AsSpan(0, (int)interval.Pages);
        host.ReadEntries(interval, entries);
        int count = 0;
        foreach (PageEntry entry in entries)
            count += entry.IsDevice && entry.Pagemap == pagemap.Index ? 1 : 0;
        return count;
    }

    /// <summary>Makes all pages of an interval device pages.</summary>
    /// <param name="interval">2^order pages, aligned to it.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns><see cref="SvmStatus.Done"/>; the retry family: pages are held or changing; <see cref="SvmStatus.OutOfDeviceMemory"/> if no room can be made;
    /// or as <see cref="Pagemap.MigrateToDevice"/>. Unless done, every page keeps its bytes, and is where it was or in RAM.</returns>
    public SvmStatus Migrate(AddressRange interval, MigrationCause cause, HostWorkspace workspace)
    {
        int there = CountDevicePages(interval, workspace);
        if (there == interval.Pages)
            return SvmStatus.Done;
        if (there > 0)
        {
            // Part of the interval came home alone: bring the rest, then move the whole, so that it is one block again.
            SvmStatus home = host.MigrateHome(interval, MigrationCause.HostFault);
            if (home != SvmStatus.Done)
                return home;
        }

        SvmStatus status = AllocateWithRoom(PageOrder.FloorOf(interval.Pages), out DeviceAllocation? allocation);
        if (status != SvmStatus.Done)
            return status;
        status = pagemap.MigrateToDevice(allocation!, interval, cause, workspace);
        return status == SvmStatus.MixedPlacement ? SvmStatus.Retry : status;
    }

    /// <summary>Takes a block of device memory, evicting others until one is free.</summary>
    /// <param name="order">The block's order.</param>
    /// <param name="allocation">The allocation.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfDeviceMemory"/>.</returns>
    private SvmStatus AllocateWithRoom(PageOrder order, out DeviceAllocation? allocation)
    {
        int failures = 0;
        for (int evictions = 0; evictions < MaxEvictions && failures < MaxFailedEvictions; evictions++)
        {
            SvmStatus status = pagemap.Allocate(order, out allocation);
            if (status != SvmStatus.OutOfDeviceMemory)
                return status;
            SvmStatus evicted = pagemap.EvictOne();
            if (evicted == SvmStatus.OutOfDeviceMemory)
                return pagemap.Allocate(order, out allocation); // Nothing to evict; the last block may have come free just now.
            if (evicted != SvmStatus.Done)
                failures++;
        }

        allocation = null;
        return SvmStatus.OutOfDeviceMemory;
    }
}
