// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Takes the GPU's access to an interval away when the host side changes it: zap, flush and wait, unmap. Kernel: xe_svm_invalidate.</summary>
/// <remarks>
/// The flush window accumulates over all ranges of an event, and there is one flush and one wait for all. The wait is for compute units to pass their next
/// translation; a unit never holds a lock of ours while it uses one, so waiting here under the notifier lock is safe, and it must be here: when an event's
/// callbacks return, the pages may go.
/// </remarks>
internal sealed class RangeInvalidator(IDevicePageTable pageTable, RangeCollector collector, VmCounters counters)
{
    /// <summary>Handles one event in one window.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="mmuEvent">The event, clipped to the window.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    public void InvalidateLocked(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        notifier.Lock.AssertHeldWrite();
        AddressRange zapped = default;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
            zapped = Around(zapped, ZapLocked((GpuRange)range));
        if (!zapped.IsEmpty)
        {
            counters.CountInvalidation();
            pageTable.InvalidateTlb(zapped);
        }

        bool isUnmap = mmuEvent.Kind is MmuEventKind.Unmap or MmuEventKind.Release;
        bool isReturn = mmuEvent.Cause is MigrationCause.CpuFault or MigrationCause.Eviction;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
        {
            var gpuRange = (GpuRange)range;
            if (isReturn && gpuRange.Pages.HasDevicePages)
                gpuRange.NoteReturnLocked();
            gpuRange.Pages.UnmapLocked(notifier);
            if (!isUnmap)
                continue;
            gpuRange.Pages.SetUnmappedLocked(notifier);
            gpuRange.SetUnmappedLocked(mmuEvent.Interval);
            collector.Queue(gpuRange);
        }
    }

    /// <summary>Takes the GPU's access to one range away.</summary>
    /// <param name="range">The range.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    public void UnbindLocked(GpuRange range)
    {
        AddressRange zapped = ZapLocked(range);
        if (!zapped.IsEmpty)
            pageTable.InvalidateTlb(zapped);
        range.Pages.UnmapLocked(range.Notifier);
    }

    /// <summary>Clears a range's page-table entries.</summary>
    /// <param name="range">The range.</param>
    /// <returns>What was cleared.</returns>
    private AddressRange ZapLocked(GpuRange range)
    {
        range.Notifier.Lock.AssertHeldWrite();
        if (!range.IsBound)
            return default;
        range.IsBound = false;
        return pageTable.Zap(range.Interval);
    }

    /// <summary>The smallest interval around two.</summary>
    /// <param name="left">One, or empty.</param>
    /// <param name="right">The other, or empty.</param>
    /// <returns>The interval.</returns>
    private static AddressRange Around(AddressRange left, AddressRange right)
    {
        if (left.IsEmpty)
            return right;
        if (right.IsEmpty)
            return left;
        return new AddressRange(left.Start < right.Start ? left.Start : right.Start, left.End > right.End ? left.End : right.End);
    }
}
