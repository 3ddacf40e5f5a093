// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <summary>
/// Walks the live objects of a VM and says which invariants (reference INV-n) do not hold. The same checker runs after every step of a simulated test and at the
/// end of every real one.
/// </summary>
/// <remarks>It owns the VM while it walks, so no fault is half way; events may still run, and are kept out window by window by the notifier lock. What needs a
/// quiet host side (the page table equals the CPU's translation, INV-16) is checked only where no event can run: pass quiescent.</remarks>
public static class InvariantChecker
{
    /// <summary>Checks a VM.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="quiescent">Whether nothing else touches the address space now: no CPU access, no launch.</param>
    /// <returns>One sentence for each violation, beginning with the invariant's number; empty if all hold.</returns>
    public static IReadOnlyList<string> Check(GpuVm vm, bool quiescent = true)
    {
        var violations = new List<string>();
        vm.Collect();
        using (vm.Lock.EnterWrite())
        {
            if (LockOrder.HeldCount > 1)
                violations.Add("INV-24: the checker was called with locks held.");
            long mappedPages = 0;
            VirtualAddress last = default;
            var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
            for (SvmNotifier? notifier = vm.Mirror.FirstNotifier(everything); notifier is not null; notifier = vm.Mirror.NextNotifier(notifier, everything))
            {
                CheckNotifier(vm, notifier, last, violations);
                last = notifier.Interval.End;
                using (notifier.Lock.EnterWrite())
                    mappedPages += CheckRangesLocked(vm, notifier, quiescent, violations);
            }

            long live = vm.Device.DmaMapper?.LivePages ?? mappedPages;
            if (quiescent && live != mappedPages)
                violations.Add(Say("INV-22", $"{live} pages are mapped for DMA, the pages objects account for {mappedPages}"));
            CheckFrames(vm, quiescent, violations);
        }

        return violations;
    }

    /// <summary>Checks a window itself: INV-1, INV-2, INV-27.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="notifier">The window.</param>
    /// <param name="previousEnd">Where the window before it ends.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckNotifier(GpuVm vm, SvmNotifier notifier, VirtualAddress previousEnd, List<string> violations)
    {
        PageOrder order = vm.Mirror.NotifierOrder;
        if (!notifier.Interval.Start.IsAligned(order) || notifier.Interval.Bytes != order.Bytes)
            violations.Add(Say("INV-1", $"window {notifier.Interval} is not aligned to its size"));
        if (notifier.Interval.Start < previousEnd)
            violations.Add(Say("INV-2", $"window {notifier.Interval} overlaps the one before it"));
        if ((notifier.Subscription.Sequence & 1) == 0)
            violations.Add(Say("INV-27", $"window {notifier.Interval} holds an even sequence"));
    }

    /// <summary>Checks the ranges of a window: INV-1, INV-3, INV-4, INV-7 and what each range's pages must be.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="notifier">The window, its lock held for write.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="violations">Receives sentences.</param>
    /// <returns>Pages mapped for DMA.</returns>
    private static long CheckRangesLocked(GpuVm vm, SvmNotifier notifier, bool quiescent, List<string> violations)
    {
        long mapped = 0;
        int count = 0;
        VirtualAddress last = default;
        for (SvmRange? range = notifier.Ranges.First; range is not null; range = range.Next, count++)
        {
            if (!notifier.Interval.Contains(range.Interval) || !vm.Mirror.ChunkOrders.Contains(range.Order) || range.Order.Bytes != range.Interval.Bytes
                || !range.Interval.Start.IsAligned(range.Order))
                violations.Add(Say("INV-3", $"range {range.Interval} does not fit its window or is of no allowed size"));
            if (range.Interval.Start < last || !ReferenceEquals(notifier.Ranges.Find(range.Interval.Start), range))
                violations.Add(Say("INV-4", $"range {range.Interval} overlaps another, or tree and list disagree"));
            last = range.Interval.End;
            if (range.References < 1)
                violations.Add(Say("INV-7", $"range {range.Interval} is linked without a reference"));
            if (range.IsPartiallyUnmapped && !range.IsUnmapped)
                violations.Add(Say("INV-14", $"range {range.Interval} is partly unmapped but not unmapped"));
            mapped += CheckPagesLocked(vm, (GpuRange)range, quiescent, violations);
        }

        if (count == 0)
            violations.Add(Say("INV-1", $"window {notifier.Interval} has no range"));
        return mapped;
    }

    /// <summary>Checks one range's pages: INV-5, INV-8 to INV-13, INV-15 to INV-20.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="range">The range.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="violations">Receives sentences.</param>
    /// <returns>Pages mapped for DMA.</returns>
    private static long CheckPagesLocked(GpuVm vm, GpuRange range, bool quiescent, List<string> violations)
    {
        SvmPages pages = range.Pages;
        if (pages.HasDevicePages && !pages.HasDmaMapping)
            violations.Add(Say("INV-8", $"range {range.Interval} has device pages without a mapping"));
        if (!pages.HasDmaMapping)
        {
            if (range.IsBound)
                violations.Add(Say("INV-15", $"range {range.Interval} is bound without a mapping"));
            if (pages.Addresses.Length != 0)
                violations.Add(Say("INV-10", $"range {range.Interval} keeps {pages.Addresses.Length} entries without a mapping"));
            CheckNothingBound(vm, range, violations);
            return 0;
        }

        if (pages.IsUnmapped || range.IsUnmapped)
            violations.Add(Say("INV-13", $"range {range.Interval} is unmapped by the CPU and still mapped for the device"));
        if (quiescent && !vm.Host.TryFindMapping(range.Interval.Start, out HostMapping mapping) | !mapping.Interval.Contains(range.Interval))
            violations.Add(Say("INV-5", $"range {range.Interval} is not inside one mapping"));
        long covered = 0;
        long system = 0;
        bool device = false;
        VirtualAddress at = range.Interval.Start;
        foreach (DeviceAddress entry in pages.Addresses)
        {
            if (!entry.IsPresent || at + entry.Order.Bytes > range.Interval.End)
                violations.Add(Say("INV-11", $"an entry of range {range.Interval} at {at} is absent or runs past the end"));
            if (entry.IsWritable != pages.IsWritable)
                violations.Add(Say("INV-17", $"an entry of range {range.Interval} at {at} disagrees on the right to write"));
            device |= entry.Protocol != AddressProtocol.System;
            system += entry.Protocol == AddressProtocol.System ? entry.Order.Pages : 0;
            CheckEntry(vm, range, at, entry, quiescent, violations);
            at += entry.Order.Bytes;
            covered += entry.Order.Pages;
        }

        if (covered != range.Interval.Pages)
            violations.Add(Say("INV-9", $"the entries of range {range.Interval} cover {covered} of {range.Interval.Pages} pages"));
        if (device != pages.HasDevicePages)
            violations.Add(Say("INV-8", $"range {range.Interval} is wrong about having device pages"));
        return system;
    }

    /// <summary>Checks one entry against the host's page states and the page table: INV-12, INV-16, INV-18.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="range">The range.</param>
    /// <param name="at">Where the entry begins.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckEntry(GpuVm vm, GpuRange range, VirtualAddress at, DeviceAddress entry, bool quiescent, List<string> violations)
    {
        Span<PageEntry> state = stackalloc PageEntry[1];
        for (int page = 0; page < entry.Order.Pages; page++)
        {
            VirtualAddress address = at + ((long)page << PageSize.Shift);
            DeviceAddress bound = vm.PageTable.Lookup(address);
            if (range.IsBound && (!bound.IsPresent || bound.Address != entry.Address + ((ulong)page << PageSize.Shift) || bound.Protocol != entry.Protocol))
                violations.Add(Say("INV-16", $"the page table at {address} shows {bound.Address:x}, the pages object {entry.Address:x}"));
            if (!range.IsBound && bound.IsPresent)
                violations.Add(Say("INV-12", $"the page table shows {address} although range {range.Interval} is not bound"));
            if (!quiescent)
                continue;
            vm.Host.ReadEntries(AddressRange.OfPages(address, 1), state);
            bool onDevice = state[0].IsDevice && !state[0].IsMigrating;
            AddressProtocol protocol = !onDevice ? AddressProtocol.System : state[0].Pagemap == vm.Pagemap.Index ? AddressProtocol.LocalMemory : AddressProtocol.Peer;
            if (entry.Protocol != protocol || (protocol == AddressProtocol.LocalMemory && state[0].Frame != entry.Frame + page))
                violations.Add(Say("INV-16", $"page {address} is not where the device's mapping says"));
        }
    }

    /// <summary>Checks that a range without a mapping has no page-table entries: INV-12.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="range">The range.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckNothingBound(GpuVm vm, GpuRange range, List<string> violations)
    {
        for (VirtualAddress at = range.Interval.Start; at < range.Interval.End; at += PageSize.Bytes)
        {
            if (vm.PageTable.Lookup(at).IsPresent)
                violations.Add(Say("INV-12", $"the page table still shows {at} of range {range.Interval}"));
        }
    }

    /// <summary>Checks frames against pages and reference counts: INV-29 to INV-32.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="quiescent">Whether nothing is in flight.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckFrames(GpuVm vm, bool quiescent, List<string> violations)
    {
        if (!quiescent)
            return;
        Span<PageEntry> state = stackalloc PageEntry[1];
        Pagemap pagemap = vm.Pagemap;
        int owned = 0;
        var pagesOf = new Dictionary<DeviceAllocation, int>();
        for (int frame = 0; frame < vm.Device.Memory.Pages; frame++)
        {
            ZoneDeviceData? zoneData = pagemap.ZoneDataOf(new DeviceFrame(frame));
            owned += zoneData is null ? 0 : 1;
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
        int used = vm.Device.Memory.Pages - vm.Device.Memory.FreePages;
        if (used != owned)
            violations.Add(Say("INV-31", $"{used} frames are taken from the device, {owned} belong to allocations"));
    }

    /// <summary>Makes a sentence.</summary>
    /// <param name="invariant">Its number.</param>
    /// <param name="text">What is wrong.</param>
    /// <returns>The sentence.</returns>
    private static string Say(string invariant, FormattableString text) => invariant + ": " + text.ToString(CultureInfo.InvariantCulture) + ".";
}
