// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Takes the GPU's access to an interval away when the host side changes it: zap and begin the flush; then wait, and unmap. Kernel: xe_svm_invalidate.</summary>
/// <remarks>
/// The flush window accumulates over all ranges of an event, and there is one flush for all. The first pass, under the window's lock, zaps, begins the flush
/// and makes the pages objects stale, so that nothing can be bound from them; the second waits for the flush with nothing held, so that faults of the window go
/// on, and so that the flushes of several devices overlap. Then it takes the lock again and unmaps what is stale.
///
/// Between the passes another event may make more pages stale: each range remembers which flush it needs, and is unmapped only by who has waited for it.
/// A fault cannot bring the pages back in between: its sequence is this event's, so it waits for the event's end.
/// </remarks>
internal sealed class RangeInvalidator(IDevicePageTable pageTable, RangeCollector collector, VmCounters counters)
{
    /// <summary>The first pass of one event in one window.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="mmuEvent">The event, clipped to the window.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    public void StartLocked(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        notifier.Lock.AssertHeldWrite();
        AddressRange zapped = default;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
            zapped = zapped.Around(ZapLocked((GpuRange)range));
        ulong invalidation = 0;
        if (!zapped.IsEmpty)
        {
            counters.CountInvalidation();
            invalidation = pageTable.StartTlbInvalidation(zapped);
        }

        bool isUnmap = mmuEvent.Kind is MmuEventKind.Unmap or MmuEventKind.Release;
        bool isReturn = mmuEvent.Cause is MigrationCause.CpuFault or MigrationCause.Eviction;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
        {
            var gpuRange = (GpuRange)range;
            if (isReturn && gpuRange.Pages.HasDevicePages)
                gpuRange.NoteReturnLocked();
            gpuRange.Pages.SetStaleLocked(notifier);
            gpuRange.Invalidation = Math.Max(gpuRange.Invalidation, invalidation);
            if (!isUnmap)
                continue;
            gpuRange.Pages.SetUnmappedLocked(notifier);
            gpuRange.SetUnmappedLocked(mmuEvent.Interval);
            collector.Queue(gpuRange);
        }
    }

    /// <summary>The second pass: waits for the flush and unmaps.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="mmuEvent">The event, clipped to the window.</param>
    /// <remarks>Locking: takes Notifier; waits with nothing held.</remarks>
    public void Finish(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        ulong waited = 0;
        while (true)
        {
            ulong needed = 0;
            using (notifier.Lock.EnterWrite())
            {
                for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
                {
                    var gpuRange = (GpuRange)range;
                    if (!gpuRange.Pages.IsStale)
                        continue;
                    if (gpuRange.Invalidation <= waited)
                        gpuRange.Pages.UnmapLocked(notifier);
                    else
                        needed = Math.Max(needed, gpuRange.Invalidation);
                }
            }

            if (needed == 0)
                return;
            SchedulePoint.Reach(SchedulePointKind.Wait, this);
            pageTable.WaitTlbInvalidation(needed);
            waited = needed;
        }
    }

    /// <summary>Takes the GPU's access to one range away, waiting under the lock.</summary>
    /// <param name="range">The range.</param>
    /// <remarks>Locking: Notifier held for write. Also unmaps what an event has made stale: its flush is waited for.</remarks>
    public void UnbindLocked(GpuRange range)
    {
        AddressRange zapped = ZapLocked(range);
        ulong invalidation = zapped.IsEmpty ? 0 : pageTable.StartTlbInvalidation(zapped);
        if (range.Pages.HasDmaMapping)
            pageTable.WaitTlbInvalidation(Math.Max(invalidation, range.Invalidation));
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
}
