// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Takes the GPU's access to an interval away when the host side changes it: zap and begin the flush; then wait, and unmap. Kernel: xe_svm_invalidate.</summary>
/// <remarks>
/// The flush window accumulates over all ranges of an event, and there is one flush a device for all. The first pass, under the window's lock, zaps, begins the
/// flushes and makes the pages objects stale, so that nothing can be bound from them; the second waits for the flushes with nothing held, so that faults of the
/// window go on, and so that the flushes of several devices overlap. Then it takes the lock again and unmaps what is stale.
///
/// Between the passes another event may make more pages stale: each pages object remembers which flush it needs, and is unmapped only by who has waited for it.
/// A fault cannot bring the pages back in between: its sequence is this event's, so it waits for the event's end.
///
/// A partial unmap takes just its part away, where ranges are split: the rest of the range stays mapped and bound, until the collector has made smaller ranges of it.
/// </remarks>
internal sealed class RangeInvalidator(IReadOnlyList<VmDevice> devices, RangeCollector collector, VmCounters counters, HostAddressSpace host, ThrashControl? thrash, bool splits, JobGate? jobs)
{
    private readonly long _streakTicks = host.Time.TimestampFrequency / 20; // Returns within 50 ms of each other are one quarrel.

    /// <summary>The first pass of one event in one window.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="mmuEvent">The event, clipped to the window.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    public void StartLocked(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        notifier.Lock.AssertHeldWrite();
        bool isReturn = mmuEvent.Cause is MigrationCause.CpuFault or MigrationCause.Eviction;
        long now = isReturn ? host.Time.GetTimestamp() : 0;
        for (int i = 0; i < devices.Count; i++)
            StartDeviceLocked(devices[i], notifier, mmuEvent, isReturn, now);
        if (mmuEvent.Kind is not (MmuEventKind.Unmap or MmuEventKind.Release))
            return;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
        {
            var gpuRange = (GpuRange)range;
            gpuRange.Lost = gpuRange.Lost.Around(mmuEvent.Interval.Intersect(range.Interval));
            gpuRange.SetUnmappedLocked(mmuEvent.Interval);
            collector.Queue(gpuRange);
        }
    }

    /// <summary>The second pass: waits for the flushes and unmaps.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="interval">The event's interval, clipped to the window; or that of one range.</param>
    /// <remarks>Locking: takes Notifier; waits with nothing held.</remarks>
    public void Finish(SvmNotifier notifier, AddressRange interval)
    {
        using var balance = LockBalance.Begin();
        for (int i = 0; i < devices.Count; i++)
        {
            ulong waited = 0;
            while (true)
            {
                ulong needed;
                using (notifier.Lock.EnterWrite())
                    needed = UnmapStaleLocked(i, notifier, interval, waited);
                if (needed == 0)
                    break;
                devices[i].PageTable.WaitTlbInvalidation(needed);
                waited = needed;
            }
        }
    }

    /// <summary>Takes every device's access to one range away, and its mappings.</summary>
    /// <param name="range">The range; nothing can bind it again meanwhile, because its fault lock or the VM is held.</param>
    /// <remarks>Locking: takes Notifier; waits for flushes with nothing of rank Notifier held. Where jobs run on it, their queues are stopped before.</remarks>
    public void Unbind(GpuRange range)
    {
        if (jobs is null || !IsBound(range))
        {
            UnbindStopped(range);
            return;
        }

        long stop = jobs.Stop(range.Interval);
        UnbindStopped(range);
        jobs.EndStop(stop);
    }

    /// <summary>Whether a device's page table shows a range.</summary>
    /// <param name="range">The range; nothing can bind it meanwhile.</param>
    /// <returns>True if so.</returns>
    private bool IsBound(GpuRange range)
    {
        using (range.Notifier.Lock.EnterRead())
        {
            for (int i = 0; i < devices.Count; i++)
            {
                if (range.PagesOf(i) is { IsBound: true })
                    return true;
            }

            return false;
        }
    }

    /// <summary>Does what <see cref="Unbind"/> says: no running job needs the range.</summary>
    /// <param name="range">The range.</param>
    private void UnbindStopped(GpuRange range)
    {
        using (range.Notifier.Lock.EnterWrite())
        {
            for (int i = 0; i < devices.Count; i++)
            {
                if (range.PagesOf(i) is not { } pages)
                    continue;
                if (pages is { HasCopies: true, IsStale: false })
                    host.Events.CopiesLost(range.Interval, devices[i].Pagemap.Index, MigrationCause.GpuFault);
                pages.Invalidation = Math.Max(pages.Invalidation, devices[i].PageTable.StartTlbInvalidation(Zap(devices[i], range, pages)));
                pages.SetStaleLocked(range.Notifier);
            }
        }

        Finish(range.Notifier, range.Interval);
    }

    /// <summary>The first pass for one device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="notifier">The window.</param>
    /// <param name="mmuEvent">The event.</param>
    /// <param name="isReturn">Whether pages leave a device against the GPU's will.</param>
    /// <param name="now">The host's timestamp, where they do.</param>
    private void StartDeviceLocked(VmDevice device, SvmNotifier notifier, in MmuEvent mmuEvent, bool isReturn, long now)
    {
        AddressRange zapped = default;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
        {
            if (((GpuRange)range).PagesOf(device.Index) is not { } pages || !Hits(device, pages, mmuEvent))
                continue;
            if (pages is { HasCopies: true, IsStale: false })
                host.Events.CopiesLost(range.Interval, device.Pagemap.Index, mmuEvent.Cause);
            if (isReturn && pages.HasDevicePages)
            {
                ((GpuRange)range).NoteReturnLocked(now, _streakTicks);
                thrash?.NoteReturnLocked(range.Interval, mmuEvent.Cause == MigrationCause.Eviction, now);
            }

            zapped = zapped.Around(LosesPart(range, mmuEvent) ? ZapPart(device, pages, mmuEvent.Interval.Intersect(range.Interval)) : Zap(device, range, pages));
        }

        ulong invalidation = device.PageTable.StartTlbInvalidation(zapped);
        if (invalidation != 0)
        {
            counters.CountInvalidation();
            host.Events.Invalidation(mmuEvent, device.Pagemap.Index);
        }

        bool isUnmap = mmuEvent.Kind is MmuEventKind.Unmap or MmuEventKind.Release;
        for (SvmRange? range = notifier.Ranges.FindFirst(mmuEvent.Interval); range is not null; range = notifier.Ranges.NextOverlap(range, mmuEvent.Interval))
        {
            if (((GpuRange)range).PagesOf(device.Index) is not { } pages || !Hits(device, pages, mmuEvent))
                continue;
            pages.Invalidation = Math.Max(pages.Invalidation, invalidation);
            if (isUnmap)
                pages.SetUnmappedLocked(notifier);
            if (!LosesPart(range, mmuEvent))
            {
                pages.SetStaleLocked(notifier);
                continue;
            }

            AddressRange part = mmuEvent.Interval.Intersect(range.Interval);
            pages.LosePartLocked(notifier, range.Interval.PageIndexOf(part.Start), range.Interval.PageIndexOf(part.End));
        }
    }

    /// <summary>Whether an event concerns a device's pages at all: what is about copies leaves other mappings alone, and the other way round.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">Its pages.</param>
    /// <param name="mmuEvent">The event.</param>
    /// <returns>True if it takes them away.</returns>
    private static bool Hits(VmDevice device, GpuPages pages, in MmuEvent mmuEvent) => mmuEvent.Kind switch
    {
        MmuEventKind.Share => !pages.HasCopies,
        MmuEventKind.Collapse => pages.HasCopies,
        MmuEventKind.DropCopies => pages.HasCopies && device.Pagemap.Index == mmuEvent.Pagemap,
        _ => true,
    };

    /// <summary>Whether an event takes just a part of a range away, and the rest is to be kept.</summary>
    /// <param name="range">The range.</param>
    /// <param name="mmuEvent">The event.</param>
    /// <returns>True if so.</returns>
    private bool LosesPart(SvmRange range, in MmuEvent mmuEvent) =>
        splits && mmuEvent.Kind == MmuEventKind.Unmap && !mmuEvent.Interval.Contains(range.Interval);

    /// <summary>Unmaps the stale pages of one device whose flush has been waited for.</summary>
    /// <param name="device">The device's number.</param>
    /// <param name="notifier">The window.</param>
    /// <param name="interval">Where.</param>
    /// <param name="waited">The flush that has passed.</param>
    /// <returns>The flush to wait for next; 0 if nothing is stale any more.</returns>
    private static ulong UnmapStaleLocked(int device, SvmNotifier notifier, AddressRange interval, ulong waited)
    {
        ulong needed = 0;
        for (SvmRange? range = notifier.Ranges.FindFirst(interval); range is not null; range = notifier.Ranges.NextOverlap(range, interval))
        {
            if (((GpuRange)range).PagesOf(device) is { } pages)
                needed = Math.Max(needed, pages.UnmapStaleLocked(notifier, waited));
        }

        return needed;
    }

    /// <summary>Clears a range's page-table entries.</summary>
    /// <param name="device">The device.</param>
    /// <param name="range">The range.</param>
    /// <param name="pages">Its pages for the device.</param>
    /// <returns>What was cleared.</returns>
    /// <remarks>Locking: Notifier held for write.</remarks>
    private static AddressRange Zap(VmDevice device, SvmRange range, GpuPages pages)
    {
        if (!pages.IsBound)
            return default;
        pages.IsBound = false;
        return device.PageTable.Zap(range.Interval);
    }

    /// <summary>Clears the page-table entries of a part that goes; the rest of the range stays bound, but for entries that were larger than the part.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The range's pages for the device.</param>
    /// <param name="part">The part.</param>
    /// <returns>What was cleared.</returns>
    /// <remarks>Locking: Notifier held for write.</remarks>
    private static AddressRange ZapPart(VmDevice device, GpuPages pages, AddressRange part)
    {
        if (!pages.IsBound)
            return default;
        AddressRange cleared = device.PageTable.Zap(part);
        pages.Cleared = pages.Cleared.Around(cleared);
        return cleared;
    }
}
