// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>How a migration ends.</content>
public sealed partial class PageMigration
{
    private const int MaxEventWaits = 10_000; // Milliseconds to wait for a pending event to be read, before something is called broken.

    /// <summary>Ends a migration to a device: pages with a destination live there now, the others are where they were. Ask <see cref="HasArrived"/> afterwards.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <returns>How many pages arrived: fewer than were given a destination if some were unmapped meanwhile, whose frames are the caller's again. Frames that
    /// pages of other devices came from have been released.</returns>
    public int CompleteToDevice(int pagemap)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        int pages = (int)Interval.Pages;
        for (int page = 0; page < pages; page++)
        {
            bool moves = _collected[page] && _destination[page] >= 0;
            _part[page] = _collected[page] && !moves && _source[page].IsHost;
            _outcome[page] = moves ? PageEntry.OnDevice(pagemap, new DeviceFrame(_destination[page]), _writable[page]) : _source[page];
        }

        if (Staging is not null)
            AttachBackPart(0, pages);
        _host.Settle(Interval, Claimer, _collected, _outcome, _dropped);
        int arrived = 0;
        for (int page = 0; page < pages; page++)
        {
            if (!_collected[page])
                continue;
            _arrived[page] = _destination[page] >= 0 && !_dropped[page];
            arrived += _arrived[page] ? 1 : 0;
            if (_arrived[page] || _dropped[page])
                _host.ReleasePlace(_source[page]);
        }

        End();
        return arrived;
    }

    /// <summary>Ends a migration to RAM: makes the claimed pages visible to the CPU, run by run. The frames that arrived pages came from are free afterwards:
    /// ask <see cref="HasArrived"/> which. A page that was unmapped meanwhile counts as arrived.</summary>
    /// <param name="arrived">How many pages left the device.</param>
    /// <returns><see cref="SvmStatus.Done"/> if all did; otherwise why the others are still there.</returns>
    public SvmStatus CompleteToRam(out int arrived)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        int pages = (int)Interval.Pages;
        SvmStatus status = AttachPages(_collected, 0, pages, out int reached);
        for (int page = 0; page < pages; page++)
            _outcome[page] = page < reached ? default : _source[page];
        _host.Settle(Interval, Claimer, _collected, _outcome, _dropped);
        arrived = 0;
        for (int page = 0; page < pages; page++)
        {
            _arrived[page] = _collected[page] && (page < reached || _dropped[page]);
            arrived += _arrived[page] ? 1 : 0;
        }

        End();
        return status;
    }

    /// <summary>Puts everything back: pages that were detached are attached again, pages that were on a device stay there.</summary>
    /// <returns><see cref="SvmStatus.Done"/>.</returns>
    /// <exception cref="InvalidOperationException">The host memory refuses to take its own pages back: there is no way on that loses nothing.</exception>
    public SvmStatus Abort()
    {
        if (Staging is not null)
            AttachBack(0, (int)Interval.Pages);
        SettleUnchanged(0, (int)Interval.Pages);
        End();
        return SvmStatus.Done;
    }

    /// <summary>Makes pages visible to the CPU, each at the address where it is now; those that were dropped meanwhile are left out.</summary>
    /// <param name="wanted">Which pages of the interval; all are claimed, and their bytes are in the staging block.</param>
    /// <param name="first">The first page to look at.</param>
    /// <param name="limit">The page to stop at.</param>
    /// <param name="reached">The page before which every wanted one is attached or dropped.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where the mapping is gone: an unmapped page's bytes are nobody's, forgetting them is right. Otherwise what stopped it.</returns>
    private SvmStatus AttachPages(bool[] wanted, int first, int limit, out int reached)
    {
        int longest = int.MaxValue;
        int waits = 0;
        for (reached = first; reached < limit;)
        {
            if (!wanted[reached])
            {
                reached++;
                continue;
            }

            SvmStatus status = AttachRun(wanted, reached, Math.Min(limit, (int)Math.Min((long)reached + longest, limit)), out int run);
            if (status == SvmStatus.Done)
            {
                reached += run;
                continue;
            }

            if (status == SvmStatus.Retry && waits++ < MaxEventWaits)
            {
                WaitForEvent(waits);
                continue;
            }

            if (status == SvmStatus.Unmapped)
            {
                reached += run == 1 ? 1 : 0; // Page by page: perhaps only some are gone.
                longest = 1;
                continue;
            }

            for (; run > 0 && !Staging!.IsPresent(BlockPage(reached)); run--)
                reached++; // What left the block before the failure is the CPU's.
            return status;
        }

        return SvmStatus.Done;
    }

    /// <summary>Attaches the longest run from a wanted page on. In the gate: what is looked up cannot change before the page stands where it was seen.</summary>
    /// <param name="wanted">Which pages.</param>
    /// <param name="page">The page.</param>
    /// <param name="limit">Where to stop.</param>
    /// <param name="run">The run's length; 1 for a page that was dropped.</param>
    /// <returns>As <see cref="IHostMemory.Attach"/>; <see cref="SvmStatus.Done"/> for a page that was dropped.</returns>
    private SvmStatus AttachRun(bool[] wanted, int page, int limit, out int run)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        int end = page + 1;
        while (end < limit && wanted[end] && BlockPage(end) == BlockPage(page) + (end - page))
            end++;
        run = end - page;
        if (Injection.ShouldFail(InjectionPoint.HostAttach))
            return SvmStatus.OutOfHostMemory;
        if (Injection.ShouldFail(InjectionPoint.HostPending))
            return SvmStatus.Retry;
        using (_host.States.Lock.EnterWrite())
        {
            run = _host.States.LocateRunLocked(Interval, Claimer, page, end, out VirtualAddress at);
            if (run > 0)
                return _host.Memory.Attach(AddressRange.OfPages(at, run), Staging!, BlockPage(page), writable: true);
        }

        run = 1;
        return SvmStatus.Done;
    }

    /// <summary>A page's index in the staging block: for an exclusive page as its hold has it, wherever the page is now.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>The index.</returns>
    private int BlockPage(int page) => _source[page].IsExclusive ? _source[page].HoldPage : StagingIndex(page);

    /// <summary>Gives somebody else a chance to read the pending event.</summary>
    /// <param name="waits">How often this was called before.</param>
    private void WaitForEvent(int waits)
    {
        SchedulePoint.Reach(SchedulePointKind.Wait, this);
        if (waits > 64)
            Pause.Sleep(1);
        else if (!SchedulePoint.TryYield())
            Thread.Yield();
    }

    /// <summary>Gives the detached host pages of a part of the interval back to the CPU.</summary>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after the part.</param>
    private void AttachBack(int first, int end)
    {
        for (int page = first; page < end; page++)
            _part[page] = _collected[page] && _source[page].IsHost;
        AttachBackPart(first, end);
    }

    /// <summary>Gives the pages marked in the scratch array back to the CPU. They left a moment ago, so there is room; a shortage passes.</summary>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after the part.</param>
    private void AttachBackPart(int first, int end)
    {
        SvmStatus status = SvmStatus.Done;
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            status = AttachPages(_part, first, end, out int reached);
            if (status is SvmStatus.Done or SvmStatus.ProcessGone)
                return;
            first = reached;
            Pause.Sleep(1);
        }

        throw new InvalidOperationException($"Pages {PartOf(first, end - first)} cannot be given back to the CPU: {status.Describe()}.");
    }

    /// <summary>Ends the claims of a part of the interval with its pages where they were; what those that were dropped meanwhile lay in is released.</summary>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after the part.</param>
    private void SettleUnchanged(int first, int end)
    {
        for (int page = 0; page < (int)Interval.Pages; page++)
            _part[page] = _collected[page] && page >= first && page < end;
        _host.Settle(Interval, Claimer, _part, _source, _dropped);
        for (int page = first; page < end; page++)
        {
            if (_part[page] && _dropped[page])
                _host.ReleasePlace(_source[page]);
        }
    }
}
