// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Brings pages where they will be needed, before they are. Honest: says what was there, what moved and what did not. Kernel: xe_svm's prefetch.</summary>
internal sealed class Prefetcher(GpuVm vm)
{
    private const int MaxAttempts = 64;

    /// <summary>Prefetches an interval.</summary>
    /// <param name="interval">Page aligned, inside mappings.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <param name="result">What was done.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus Prefetch(AddressRange interval, PrefetchTarget target, VmDevice device, out PrefetchResult result)
    {
        bool isHome = target == PrefetchTarget.System;
        SvmStatus status = isHome ? ToSystem(interval, out result) : ToDevice(interval, device, out result);
        vm.Host.Events.Prefetch(interval, isHome ? SvmPlace.Ram : device.Pagemap.Index, MigrationCause.Prefetch, status);
        return status;
    }

    /// <summary>Brings what a prefetch policy wants beside a range that a fault has moved to a device. What does not come now comes by its own fault.</summary>
    /// <param name="address">The faulting address.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">The caller's.</param>
    public void Follow(VirtualAddress address, IPrefetchPolicy policy, VmDevice device, HostWorkspace workspace)
    {
        if (!vm.Host.TryFindMapping(address, out HostMapping mapping) || !mapping.Interval.Contains(address))
            return;
        AddressRange block = address.Block(PageOrder.Huge).Intersect(mapping.Interval);
        Span<ulong> resident = stackalloc ulong[PageSize.PagesPerHuge / 64];
        device.Pagemap.ReadResidency(block, resident, workspace);
        PageRegion region = policy.Choose(new PrefetchFacts(block.PageIndexOf(address.AlignDown(PageOrder.Small)), (int)block.Pages, resident));
        VirtualAddress end = block.Start + ((long)region.End << PageSize.Shift);
        for (VirtualAddress at = block.Start + ((long)region.First << PageSize.Shift); at < end;)
        {
            int page = block.PageIndexOf(at);
            AddressRange done = AddressRange.OfPages(at, 1);
            if ((resident[page >> 6] >> (page & 63) & 1) == 0)
            {
                SvmStatus status;
                using (vm.Lock.EnterRead())
                    status = OneToDevice(at, device, workspace, MigrationCause.GpuFault, ref done);
                if (status is SvmStatus.OutOfDeviceMemory or SvmStatus.OutOfHostMemory or SvmStatus.DeviceGone or SvmStatus.ProcessGone)
                    return;
                if (status == SvmStatus.Done)
                {
                    vm.Counters.CountPrefetched((int)done.Pages);
                    vm.Host.Events.Prefetch(done, device.Pagemap.Index, MigrationCause.GpuFault, status);
                }
            }

            at = done.End;
        }
    }

    /// <summary>Brings an interval to the device, range by range, and binds it.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="device">The device.</param>
    /// <param name="result">What was done.</param>
    /// <returns>The first failure, or done.</returns>
    private SvmStatus ToDevice(AddressRange interval, VmDevice device, out PrefetchResult result)
    {
        result = Account(interval.Bytes, 0, 0);
        if (vm.Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        long before = CountDeviceBytes(interval, device, workspace);
        SvmStatus first = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            SvmStatus status = SvmStatus.Retry;
            AddressRange done = AddressRange.OfPages(at, 1);
            for (int attempt = 0; attempt < MaxAttempts && (status.IsRetry() || status == SvmStatus.Unmapped); attempt++)
            {
                if (attempt > 8)
                    Thread.Sleep(1);
                vm.Collect();
                using (vm.Lock.EnterRead())
                    status = OneToDevice(at, device, workspace, MigrationCause.Prefetch, ref done);
            }

            if (status != SvmStatus.Done && first == SvmStatus.Done)
                first = status;
            at = done.End;
        }

        long after = CountDeviceBytes(interval, device, workspace);
        vm.Host.ReturnWorkspace(workspace);
        result = Account(interval.Bytes, before, after);
        return first;
    }

    /// <summary>Brings the range of one address to the device.</summary>
    /// <param name="address">The address.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="cause">A prefetch that was asked for, or one that follows a fault: then it moves what a fault of the device would move there.</param>
    /// <param name="done">The range's interval, once it is known.</param>
    /// <returns>The status.</returns>
    private SvmStatus OneToDevice(VirtualAddress address, VmDevice device, HostWorkspace workspace, MigrationCause cause, ref AddressRange done)
    {
        if (vm.FindWindow(address) is not { Userptr: null } window)
            return SvmStatus.NotMapped;
        var context = new SvmContext(device.Pagemap.OwnerToken, DevicePossible: true, AllowMixed: true);
        SvmStatus status = vm.Mirror.FindOrInsert(address, window.Interval, context, out SvmRange? found);
        if (status != SvmStatus.Done)
            return status;
        var range = (GpuRange)found!;
        done = range.Interval;
        using (vm.RangeLocks.Enter(range))
        {
            GpuPages? pages = vm.TryPagesFor(range, device.Index);
            MemoryAdvice advice = vm.Attributes.FindLocked(address);
            bool isUnwanted = cause == MigrationCause.GpuFault && vm.HomeFor(range, device, advice) != device;
            status = !range.IsMigratable || isUnwanted ? SvmStatus.NotMigratable
                : pages is null ? SvmStatus.OutOfHostMemory
                : IsThere(range, device, workspace) ? SvmStatus.Done
                : device.Migrator.Migrate(range.Interval, cause, advice.IsPinned, workspace);
            if (status == SvmStatus.Done)
                status = pages!.Get(vm.Host, range.Notifier, range.Interval, context, workspace);
            if (status == SvmStatus.Done)
                status = device.Binder.Bind(range.Notifier, pages!, range.Interval.Start, range.Interval.Pages);
        }

        range.Put();
        return status;
    }

    /// <summary>Whether all of a range is on the device already: a migration would have nothing to do.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>True if it is.</returns>
    private bool IsThere(GpuRange range, VmDevice device, HostWorkspace workspace) => ResidencyScan.Scan(
        range.Notifier, vm.Host, range.Interval, device.Pagemap.OwnerToken, device.Pagemap, workspace, earlyOut: true) == ScanResult.Equal;

    /// <summary>Brings an interval home.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="result">What was done.</param>
    /// <returns>The first failure, or done.</returns>
    private SvmStatus ToSystem(AddressRange interval, out PrefetchResult result)
    {
        result = Account(interval.Bytes, 0, 0);
        if (vm.Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        long before = interval.Bytes - CountAwayBytes(interval, workspace);
        SvmStatus status = vm.Host.MigrateHome(interval, MigrationCause.Prefetch);
        long after = interval.Bytes - CountAwayBytes(interval, workspace);
        vm.Host.ReturnWorkspace(workspace);
        result = Account(interval.Bytes, before, after);
        return status;
    }

    /// <summary>Bytes of an interval that lie on one of the devices now.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="workspace">Scratch.</param>
    /// <returns>Bytes.</returns>
    private long CountAwayBytes(AddressRange interval, HostWorkspace workspace)
    {
        long bytes = 0;
        foreach (VmDevice device in vm.Devices)
            bytes += CountDeviceBytes(interval, device, workspace);
        return bytes;
    }

    /// <summary>Adds a result up.</summary>
    /// <param name="requested">Bytes asked for.</param>
    /// <param name="before">Bytes at the target before.</param>
    /// <param name="after">Bytes at the target after.</param>
    /// <returns>The result.</returns>
    private static PrefetchResult Account(long requested, long before, long after) =>
        new(requested, Math.Min(before, after), Math.Max(0, after - before), requested - after);

    /// <summary>Bytes of an interval that lie on a device now.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">Scratch.</param>
    /// <returns>Bytes.</returns>
    private static long CountDeviceBytes(AddressRange interval, VmDevice device, HostWorkspace workspace)
    {
        long pages = 0;
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            pages += device.Migrator.CountDevicePages(piece, workspace);
            at = piece.End;
        }

        return pages << PageSize.Shift;
    }
}
