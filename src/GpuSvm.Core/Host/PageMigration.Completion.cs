// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>How a migration ends, and its staging block.</content>
public sealed partial class PageMigration
{
    private int _stagingOffset; // The interval's first page in the staging block.

    /// <summary>Ends a migration to a device: pages with a destination live there now, the others are where they were. Ask <see cref="HasArrived"/> afterwards.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <returns>How many pages arrived: fewer than were given a destination if some were unmapped meanwhile, whose frames are the caller's again. Frames that
    /// pages of other devices came from have been released.</returns>
    public int CompleteToDevice(int pagemap)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        if (Staging is not null)
        {
            _host.MaskDropped(Interval, _collected, Staging, _stagingOffset);
            for (int page = 0, pages = (int)Interval.Pages; page < pages;)
            {
                int run = 0;
                while (page + run < pages && _collected[page + run] && !_source[page + run].IsDevice && _destination[page + run] < 0)
                    run++;
                if (run > 0)
                    AttachBackRun(page, run);
                page += Math.Max(run, 1);
            }
        }

        int arrived = _host.SettleMoved(Interval, pagemap, _collected, _destination, _writable, _arrived, _part);
        for (int page = 0; page < (int)Interval.Pages; page++)
        {
            if (_part[page] && _source[page].IsDevice)
                _host.ReleaseFrame(_source[page]);
        }

        End();
        return arrived;
    }

    /// <summary>Ends a migration to RAM: makes the claimed pages visible to the CPU, run by run. The frames that arrived pages came from are free afterwards.</summary>
    /// <param name="arrived">How many pages left the device.</param>
    /// <returns><see cref="SvmStatus.Done"/> if all did; otherwise why the others are still there.</returns>
    public SvmStatus CompleteToRam(out int arrived)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        _host.MaskDropped(Interval, _collected, Staging!, _stagingOffset);
        int pages = (int)Interval.Pages;
        SvmStatus status = SvmStatus.Done;
        int page = 0;
        for (arrived = 0; page < pages;)
        {
            int run = 1;
            while (page + run < pages && _collected[page + run] == _collected[page])
                run++;
            if (_collected[page])
            {
                status = AttachRun(page, run);
                if (status != SvmStatus.Done)
                {
                    for (; run > 0 && !Staging!.IsPresent(StagingIndex(page)); page++, run--)
                        arrived++; // What left the block before the failure is the CPU's.
                    break;
                }

                arrived += run;
            }

            page += run;
        }

        SettlePart(0, page, inRam: true);
        SettlePart(page, pages, inRam: false);
        End();
        return status;
    }

    /// <summary>Puts everything back: pages that were detached are attached again, pages that were on a device stay there.</summary>
    /// <returns><see cref="SvmStatus.Done"/>.</returns>
    /// <exception cref="InvalidOperationException">The host memory refuses to take its own pages back: there is no way on that loses nothing.</exception>
    public SvmStatus Abort()
    {
        if (Staging is not null)
        {
            _host.MaskDropped(Interval, _collected, Staging, _stagingOffset);
            AttachBack(0, (int)Interval.Pages);
        }

        _host.SettleUnchanged(Interval, _collected, _source);
        End();
        return SvmStatus.Done;
    }

    /// <summary>Attaches a run of pages from the staging block.</summary>
    /// <param name="first">The run's first page.</param>
    /// <param name="pages">The run's length.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where the mapping is gone: an unmapped page's bytes are nobody's, forgetting them is right .</returns>
    private SvmStatus AttachRun(int first, int pages)
    {
        if (Injection.ShouldFail(InjectionPoint.HostAttach))
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = _host.Memory.Attach(PartOf(first, pages), Staging!, writable: true);
        return status == SvmStatus.Unmapped ? SvmStatus.Done : status;
    }

    /// <summary>Gives the detached host pages of a part of the interval back to the CPU.</summary>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after the part.</param>
    private void AttachBack(int first, int end)
    {
        for (int page = first; page < end;)
        {
            int run = Math.Min(HostRun(page), end - page);
            if (run > 0)
                AttachBackRun(page, run);
            page += Math.Max(run, 1);
        }
    }

    /// <summary>Gives a run of detached pages back to the CPU. They left a moment ago, so there is room; a shortage passes.</summary>
    /// <param name="first">The run's first page.</param>
    /// <param name="pages">Its length.</param>
    private void AttachBackRun(int first, int pages)
    {
        SvmStatus status = SvmStatus.Done;
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            status = _host.Memory.Attach(PartOf(first, pages), Staging!, writable: true);
            if (status is SvmStatus.Done or SvmStatus.Unmapped or SvmStatus.ProcessGone)
                return;
            Thread.Sleep(1);
        }

        throw new InvalidOperationException($"Pages {PartOf(first, pages)} cannot be given back to the CPU: {status.Describe()}.");
    }

    /// <summary>Settles the claimed pages of one part of the interval.</summary>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after the part.</param>
    /// <param name="inRam">Whether they are in RAM now, or where they were.</param>
    private void SettlePart(int first, int end, bool inRam)
    {
        if (first == end)
            return;
        for (int page = 0; page < (int)Interval.Pages; page++)
            _part[page] = _collected[page] && page >= first && page < end;
        if (inRam)
            _host.SettleInRam(Interval, _part);
        else
            _host.SettleUnchanged(Interval, _part, _source);
    }

    /// <summary>Gets the staging block: the smallest aligned one that holds the interval.</summary>
    /// <param name="forAttach">As <see cref="IHostMemory.AcquireStaging"/>.</param>
    /// <returns>False if none can be had.</returns>
    private bool TryAcquireStaging(bool forAttach)
    {
        if (Injection.ShouldFail(InjectionPoint.HostStaging))
            return false;
        ulong first = Interval.Start.PageNumber;
        var order = new PageOrder((byte)(64 - BitOperations.LeadingZeroCount(first ^ (Interval.End.PageNumber - 1))));
        AddressRange block = Interval.Start.Block(order);
        Staging = _host.Memory.AcquireStaging(block, forAttach);
        _stagingOffset = block.PageIndexOf(Interval.Start);
        return Staging is not null;
    }

    /// <summary>A part of the interval.</summary>
    /// <param name="first">Its first page.</param>
    /// <param name="pages">Its length.</param>
    /// <returns>The part.</returns>
    private AddressRange PartOf(int first, int pages) => AddressRange.OfPages(Interval.Start + ((long)first << PageSize.Shift), pages);

    /// <summary>Takes the interval over.</summary>
    /// <param name="interval">The interval.</param>
    private void Begin(AddressRange interval)
    {
        if (_isActive)
            throw new InvalidOperationException("A migration must be completed or aborted before it is used again.");
        _isActive = true;
        Interval = interval;
        CollectedPages = 0;
        int pages = (int)interval.Pages;
        Array.Clear(_source, 0, pages);
        Array.Clear(_arrived, 0, pages);
        Array.Fill(_destination, -1, 0, pages);
    }

    /// <summary>Ends a migration before anything was taken away.</summary>
    /// <param name="status">What it came to.</param>
    /// <returns>The same status.</returns>
    private SvmStatus EndEmpty(SvmStatus status)
    {
        if (CollectedPages > 0)
            _host.SettleUnchanged(Interval, _collected, _source);
        CollectedPages = 0;
        End();
        return status;
    }

    /// <summary>Gives the staging block back.</summary>
    private void End()
    {
        if (Staging is { } staging)
            _host.Memory.ReleaseStaging(staging);
        Staging = null;
        _isActive = false;
    }
}
