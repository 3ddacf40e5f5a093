// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Gives devices copies of memory that is advised to be mostly read, while the pages stay in RAM where CPU threads read them. NVIDIA UVM: read duplication; amdkfd has the advice, and maps.</summary>
/// <remarks>
/// A device that reads gets a copy of the range, and so does the next device; CPU threads read in RAM, and nobody faults any more. Who writes, CPU thread or device, collapses it: every
/// copy is gone before the write is let through, and afterwards the memory is like any other until it is read again. What becomes of a copy that cannot be had is what becomes of pages
/// that cannot move: the device reads in RAM.
///
/// Pages that a device has written are on it; as long as it alone reads them there they stay. Another device's read brings them to RAM first.
/// </remarks>
/// <param name="vm">The VM.</param>
internal sealed class RangeDuplicator(GpuVm vm)
{
    /// <summary>Whether a device that reads memory is to have a copy, as far as advice and the memory decide.</summary>
    /// <param name="advice">What the program has advised.</param>
    /// <returns>True if so, of what may move.</returns>
    public bool IsWanted(MemoryAdvice advice) => advice.IsReadMostly && !advice.NeverMigrate && vm.Host.CanShare;

    /// <summary>Whether a device that reads a range is to have a copy.</summary>
    /// <param name="range">The range.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <returns>True if so.</returns>
    public bool IsWanted(GpuRange range, MemoryAdvice advice) => range.IsMigratable && IsWanted(advice);

    /// <summary>Gives a device a copy of a range, published but not bound yet.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="pages">The device's pages.</param>
    /// <param name="device">The device.</param>
    /// <param name="advice">What is advised of it.</param>
    /// <param name="cause">A fault, or a prefetch.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="copied">How many pages were copied; 0 also if the device had a copy.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.MixedPlacement"/> if all of it is on the device already: nothing is to be copied. <see cref="SvmStatus.NotMapped"/>,
    /// <see cref="SvmStatus.Unmapped"/>, <see cref="SvmStatus.ProcessGone"/>; otherwise why there is no copy; the pages are intact.</returns>
    /// <remarks>Locking: Vm and Range held.</remarks>
    public SvmStatus Duplicate(GpuRange range, GpuPages pages, VmDevice device, MemoryAdvice advice, MigrationCause cause, HostWorkspace workspace, out int copied)
    {
        copied = 0;
        if (HasCopies(range, device.Index))
            return SvmStatus.Done; // Got before, and not bound for want of memory.
        long start = Stopwatch.GetTimestamp();
        if (device.Migrator.CountDevicePages(range.Interval, workspace) == range.Interval.Pages)
            return SvmStatus.MixedPlacement;
        var budget = new RetryBudget(vm.Host.Time, SvmPages.BudgetMilliseconds);
        SvmStatus status = HmmRange.Fault(vm.Host, range.Interval, new HmmQuery(HmmRequest.Read, Owner: 0), ref budget, workspace);
        if (status != SvmStatus.Done)
            return status;
        Pagemap pagemap = device.Pagemap;
        status = pagemap.BeginCopy(range.Interval, vm.LargestBlock(advice), advice.IsPinned, cause, workspace, out Population? copies);
        if (status != SvmStatus.Done)
            return status;
        status = pages.PublishCopies(vm.Host, range.Notifier, range.Interval, vm.ContextFor(device, advice), workspace);
        pagemap.EndCopy(copies!, status == SvmStatus.Done, workspace);
        copied = status == SvmStatus.Done ? (int)range.Interval.Pages : 0;
        if (status == SvmStatus.Done)
            vm.Host.Events.Duplicated(range.Interval, pagemap.Index, cause, start);
        device.Ahead?.Notice();
        return status;
    }

    /// <summary>How a device maps memory of which it is to have a copy, and has none: in RAM without a right that would cost others their copies; what it holds itself like anything else.</summary>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="status">What <see cref="Duplicate"/> answered.</param>
    /// <returns>The wishes.</returns>
    public static SvmContext WithoutCopy(in SvmContext context, SvmStatus status) => context with { ReadOnly = context.ReadOnly || status != SvmStatus.MixedPlacement };

    /// <summary>How many pages of an interval a device has mapped copies of.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>Pages; a snapshot.</returns>
    /// <remarks>Locking: takes Vm shared and Notifier; must hold nothing.</remarks>
    public long CountCopies(AddressRange interval, int device)
    {
        long count = 0;
        using (vm.Lock.EnterRead())
        {
            for (SvmRange? range = vm.Mirror.FirstRange(interval); range is not null; range = vm.Mirror.NextRange(range, interval))
            {
                if (HasCopies((GpuRange)range, device))
                    count += range.Interval.Intersect(interval).Pages;
            }
        }

        return count;
    }

    /// <summary>Marks the pages of which a device has mapped copies.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="device">The device's number.</param>
    /// <param name="pages">A bit a page from the interval's start on; those of copies are set.</param>
    /// <remarks>Locking: Vm held; takes Notifier.</remarks>
    public void MarkCopiesLocked(AddressRange interval, int device, Span<ulong> pages)
    {
        vm.Lock.AssertHeld();
        for (SvmRange? range = vm.Mirror.FirstRange(interval); range is not null; range = vm.Mirror.NextRange(range, interval))
        {
            AddressRange copied = HasCopies((GpuRange)range, device) ? range.Interval.Intersect(interval) : default;
            for (int page = copied.IsEmpty ? 0 : interval.PageIndexOf(copied.Start), end = page + (int)copied.Pages; page < end; page++)
                pages[page >> 6] |= 1UL << (page & 63);
        }
    }

    /// <summary>The devices that have mapped copies of a range, and how far that is so.</summary>
    /// <param name="address">An address.</param>
    /// <param name="interval">The range's interval; of the address alone where there is no range.</param>
    /// <returns>Bit i for device i; a snapshot.</returns>
    /// <remarks>Locking: Vm held; takes Notifier.</remarks>
    public ulong CopiesAt(VirtualAddress address, out AddressRange interval)
    {
        interval = AddressRange.OfPages(address, 1);
        if (vm.Mirror.FirstRange(interval) is not GpuRange range)
            return 0;
        interval = range.Interval;
        ulong devices = 0;
        for (int device = 0; device < vm.Devices.Count; device++)
            devices |= HasCopies(range, device) ? 1UL << device : 0;
        range.Put();
        return devices;
    }

    /// <summary>Whether a device has mapped copies of a range.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>True if so; a snapshot.</returns>
    private static bool HasCopies(GpuRange range, int device)
    {
        using (range.Notifier.Lock.EnterRead())
            return range.PagesOf(device) is { HasCopies: true } pages && pages.IsValidLocked(range.Notifier);
    }
}
