// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <content>Pages objects, page tables and device frames.</content>
public static partial class InvariantChecker
{
    /// <summary>Checks a device's pages of one range: INV-8 to INV-13, INV-15 to INV-20.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device.</param>
    /// <param name="range">The range, its window's lock held.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="system">By device: pages mapped for DMA, added to.</param>
    /// <param name="peer">By device: pages of peers mapped, added to.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckPagesLocked(GpuVm vm, VmDevice device, GpuRange range, bool quiescent, long[] system, long[] peer, List<string> violations)
    {
        if (range.PagesOf(device.Index) is not { HasDmaMapping: true } pages)
        {
            CheckUnmapped(device, range, range.PagesOf(device.Index), violations);
            return;
        }

        pages.CountMappedLocked(out long mappedSystem, out long mappedPeer);
        system[device.Index] += mappedSystem;
        peer[device.Index] += mappedPeer;
        if ((pages.IsUnmapped || range.IsUnmapped) && !pages.IsStale && !pages.HasLostPart)
            violations.Add(Say("INV-13", $"range {range.Interval} is unmapped by the CPU and still mapped for device {device.Index}"));
        if (pages.Sequence is not { } sequence || (sequence & 1) == 0)
            violations.Add(Say("INV-27", $"the pages of range {range.Interval} were made under the even sequence {pages.Sequence}"));
        if (pages.IsStale || pages.HasLostPart)
            return; // Between the passes of an event, or waiting for the collector.
        CheckEntries(vm, device, range, pages, quiescent, violations);
    }

    /// <summary>Checks the entries of mapped pages: INV-8, INV-9, INV-11, INV-17, INV-18.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device.</param>
    /// <param name="range">The range.</param>
    /// <param name="pages">The device's pages.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckEntries(GpuVm vm, VmDevice device, GpuRange range, GpuPages pages, bool quiescent, List<string> violations)
    {
        long covered = 0;
        bool hasDevice = false;
        VirtualAddress at = range.Interval.Start;
        foreach (DeviceAddress entry in pages.Addresses)
        {
            if (!entry.IsPresent || at + entry.Order.Bytes > range.Interval.End || !at.IsAligned(entry.Order))
                violations.Add(Say("INV-11", $"an entry of range {range.Interval} at {at} is absent, unaligned or runs past the end"));
            if (entry.IsWritable != pages.IsWritable)
                violations.Add(Say("INV-17", $"an entry of range {range.Interval} at {at} disagrees on the right to write"));
            if (pages.AllowsAtomics && !entry.AllowsAtomics)
                violations.Add(Say("INV-17", $"an entry of range {range.Interval} at {at} does not allow the atomics that its pages object allows"));
            hasDevice |= entry.Protocol != AddressProtocol.System;
            CheckEntry(vm, device, range, pages, at, entry, quiescent, violations);
            at += entry.Order.Bytes;
            covered += entry.Order.Pages;
        }

        if (covered != range.Interval.Pages)
            violations.Add(Say("INV-9", $"the entries of range {range.Interval} cover {covered} of {range.Interval.Pages} pages"));
        if (hasDevice != pages.HasDevicePages || hasDevice != pages.PageOwner is not null)
            violations.Add(Say("INV-8", $"range {range.Interval} is wrong about having device pages"));
    }

    /// <summary>Checks one entry against the host's page states and the page table: INV-12, INV-16, INV-18.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device.</param>
    /// <param name="range">The range.</param>
    /// <param name="pages">The device's pages.</param>
    /// <param name="at">Where the entry begins.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckEntry(
        GpuVm vm, VmDevice device, GpuRange range, GpuPages pages, VirtualAddress at, DeviceAddress entry, bool quiescent, List<string> violations)
    {
        Span<PageEntry> state = stackalloc PageEntry[1];
        for (int page = 0; page < entry.Order.Pages; page++)
        {
            VirtualAddress address = at + ((long)page << PageSize.Shift);
            DeviceAddress bound = device.PageTable.Lookup(address);
            if (pages.IsBound && (!bound.IsPresent || bound.Address != entry.Address + ((ulong)page << PageSize.Shift) || bound.Protocol != entry.Protocol))
                violations.Add(Say("INV-16", $"device {device.Index}'s page table at {address} shows {bound.Address:x}, the pages object {entry.Address:x}"));
            if (!pages.IsBound && bound.IsPresent)
                violations.Add(Say("INV-12", $"device {device.Index}'s page table shows {address} although range {range.Interval} is not bound"));
            if (!quiescent)
                continue;
            vm.Host.ReadEntries(AddressRange.OfPages(address, 1), state);
            bool onDevice = state[0].IsDevice && !state[0].IsMigrating;
            if (entry.IsCopy)
                CheckCopy(vm, device, address, state[0], entry, violations);
            else if (onDevice != (entry.Protocol != AddressProtocol.System))
                violations.Add(Say("INV-16", $"page {address} is not where device {device.Index}'s mapping says"));
            else if (onDevice && !ReferenceEquals(vm.Host.PageOwner(state[0].Pagemap), pages.PageOwner))
                violations.Add(Say("INV-18", $"page {address} is in another pagemap than the pages object of device {device.Index} says"));
            else if (entry.Protocol == AddressProtocol.LocalMemory && state[0].Frame != entry.Frame + page)
                violations.Add(Say("INV-16", $"page {address} is in another frame than device {device.Index}'s mapping says"));
        }
    }

    /// <summary>Checks a device's copy of a page: the page is in RAM, and nobody can write it before the copy has gone (INV-41).</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device.</param>
    /// <param name="address">The page.</param>
    /// <param name="state">The page's state.</param>
    /// <param name="entry">The mapping of the copy.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckCopy(GpuVm vm, VmDevice device, VirtualAddress address, PageEntry state, DeviceAddress entry, List<string> violations)
    {
        Span<HostPage> page = stackalloc HostPage[1];
        if (entry.IsWritable)
            violations.Add(Say("INV-41", $"device {device.Index} can write its copy of page {address}"));
        if (!state.IsHost || vm.Host.Memory.Query(AddressRange.OfPages(address, 1), page) != SvmStatus.Done || !page[0].IsPresent || page[0].IsWritable)
            violations.Add(Say("INV-41", $"device {device.Index} has a copy of page {address}, which is not in RAM, or which the CPU can write"));
    }

    /// <summary>Checks that what is not mapped is not bound either: INV-10, INV-12, INV-15.</summary>
    /// <param name="device">The device.</param>
    /// <param name="range">The range.</param>
    /// <param name="pages">The device's pages, if it has any.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckUnmapped(VmDevice device, GpuRange range, GpuPages? pages, List<string> violations)
    {
        if (pages is { IsBound: true })
            violations.Add(Say("INV-15", $"range {range.Interval} is bound for device {device.Index} without a mapping"));
        if (pages is not null && (pages.Addresses.Length != 0 || pages.HasDevicePages || pages.PageOwner is not null))
            violations.Add(Say("INV-10", $"range {range.Interval} keeps entries for device {device.Index} without a mapping"));
        for (VirtualAddress at = range.Interval.Start; at < range.Interval.End; at += PageSize.Bytes)
        {
            if (device.PageTable.Lookup(at).IsPresent)
                violations.Add(Say("INV-12", $"device {device.Index}'s page table still shows {at} of range {range.Interval}"));
        }
    }

    /// <summary>Checks a user pointer: its pages are in system memory (INV-18), and what is bound is mapped (INV-12, INV-15, INV-40).</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="userptr">The user pointer.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="system">By device: pages mapped for DMA, added to.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckUserptr(GpuVm vm, GpuUserptr userptr, bool quiescent, long[] system, List<string> violations)
    {
        using (userptr.Notifier.Lock.EnterWrite())
        using (AllocationWatch.Pause())
        {
            if (!userptr.Notifier.Subscription.IsSubscribed || !userptr.Notifier.Interval.Contains(userptr.Interval))
                violations.Add(Say("INV-40", $"the user pointer at {userptr.GpuInterval} does not hear of all changes to {userptr.Interval}"));
            foreach (VmDevice device in vm.Devices)
            {
                for (int block = 0; block < userptr.BlockCount; block++)
                {
                    GpuPages pages = userptr.PagesOf(device.Index, block);
                    pages.CountMappedLocked(out long mapped, out long peer);
                    system[device.Index] += mapped;
                    if (pages.HasDevicePages || peer != 0)
                        violations.Add(Say("INV-18", $"the user pointer at {userptr.GpuInterval} maps device pages"));
                    if (pages.IsBound && !pages.HasDmaMapping)
                        violations.Add(Say("INV-15", $"the user pointer at {userptr.GpuInterval} is bound for device {device.Index} without a mapping"));
                    if (quiescent && pages.HasDmaMapping && !pages.IsStale && mapped != userptr.BlockAt(block).Pages)
                        violations.Add(Say("INV-9", $"block {block} of the user pointer at {userptr.GpuInterval} maps {mapped} of {userptr.BlockAt(block).Pages} pages"));
                    VirtualAddress start = userptr.GpuStartOf(block);
                    if (device.PageTable.Lookup(start).IsPresent != pages.IsBound)
                        violations.Add(Say("INV-12", $"device {device.Index}'s page table and the user pointer disagree at {start}"));
                }
            }
        }
    }

    /// <summary>Checks frames against pages and reference counts: INV-29 to INV-32.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device whose frames.</param>
    /// <param name="quiescent">Whether nothing is in flight.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckFrames(GpuVm vm, VmDevice device, bool quiescent, List<string> violations)
    {
        if (!quiescent)
            return;
        Span<PageEntry> state = stackalloc PageEntry[1];
        Pagemap pagemap = device.Pagemap;
        IDeviceMemory memory = device.Device.Memory;
        int owned = 0;
        var pagesOf = new Dictionary<DeviceAllocation, int>();
        for (int frame = 0; frame < memory.Pages; frame++)
        {
            ZoneDeviceData? zoneData = pagemap.ZoneDataOf(new DeviceFrame(frame));
            owned += zoneData is null ? 0 : 1;
            if (zoneData is { Allocation.HoldsCopies: true })
                pagesOf[zoneData.Allocation] = pagesOf.GetValueOrDefault(zoneData.Allocation) + 1;
            if (vm.Host.FindByFrame(pagemap.Index, new DeviceFrame(frame)) is not { } page)
                continue;
            vm.Host.ReadEntries(AddressRange.OfPages(page, 1), state);
            if (zoneData is null || !state[0].IsDevice || state[0].Frame.Number != frame)
                violations.Add(Say("INV-32", $"frame {frame} and page {page} do not agree on each other"));
            else
                pagesOf[zoneData.Allocation] = pagesOf.GetValueOrDefault(zoneData.Allocation) + 1;
        }

        foreach ((DeviceAllocation allocation, int pages) in pagesOf)
        {
            if (allocation.ZoneData.References != pages || allocation.ZoneData.Pages != pages)
                violations.Add(Say("INV-29", $"the allocation at frame {allocation.First.Number} has {allocation.ZoneData.References} references, {allocation.ZoneData.Pages} of them of pages, for {pages} pages"));
        }

        if (pagesOf.Count != pagemap.AllocationCount)
            violations.Add(Say("INV-30", $"{pagemap.AllocationCount} allocations are listed, {pagesOf.Count} hold pages"));
        int used = memory.Pages - memory.FreePages;
        if (pagemap.UsedPages != owned || DevicePagemaps.Of(pagemap.Device).Shares.UsedWith(pagemap) != used)
            violations.Add(Say("INV-31", $"{used} frames are taken from device {device.Index}, {pagemap.UsedPages} by this address space, {owned} belong to its allocations"));
    }
}
