// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>How pages leave the CPU, and the staging block.</content>
public sealed partial class PageMigration
{
    private int _stagingOffset; // The interval's first page in the staging block.
    private bool _isStagingKept; // Whether the block belongs to an exclusive hold and stays when the migration ends.

    /// <summary>Takes present host pages that were claimed away from the CPU; those that cannot be had are given back to it unless all are wanted.</summary>
    /// <param name="allOrNothing">Whether one that cannot be had ends it.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why nothing was taken.</returns>
    private SvmStatus DetachClaimed(bool allOrNothing)
    {
        SvmStatus last = SvmStatus.Done;
        for (int page = 0; page < (int)Interval.Pages;)
        {
            int run = HostRun(page);
            if (run > 0)
            {
                SvmStatus status = DetachRun(page, run, allOrNothing);
                last = status == SvmStatus.Done ? last : status;
                if (status != SvmStatus.Done && allOrNothing)
                {
                    AttachBack(0, page);
                    return status;
                }
            }

            page += Math.Max(run, 1);
        }

        return CollectedPages > 0 ? SvmStatus.Done : last;
    }

    /// <summary>Takes a run of claimed host pages; where one is in the way and not all are wanted, halves the run until just that one is left out.</summary>
    /// <param name="first">The run's first page.</param>
    /// <param name="pages">Its length.</param>
    /// <param name="allOrNothing">Whether one that cannot be had ends it.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why pages were left out.</returns>
    private SvmStatus DetachRun(int first, int pages, bool allOrNothing)
    {
        SvmStatus status = Detach(PartOf(first, pages));
        if (status == SvmStatus.Done || allOrNothing)
            return status;
        if (status == SvmStatus.Busy && pages > 1)
        {
            SvmStatus low = DetachRun(first, pages / 2, allOrNothing);
            SvmStatus high = DetachRun(first + (pages / 2), pages - (pages / 2), allOrNothing);
            return low == SvmStatus.Done ? high : low;
        }

        SettleUnchanged(first, first + pages);
        Array.Clear(_collected, first, pages);
        CollectedPages -= pages;
        return status;
    }

    /// <summary>Takes claimed host pages. Where addresses may move this happens in the gate, and a page that has moved is in the way: at its address may be another by now.</summary>
    /// <param name="part">The pages.</param>
    /// <returns>As <see cref="IHostMemory.Detach"/>.</returns>
    private SvmStatus Detach(AddressRange part)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        if (Injection.ShouldFail(InjectionPoint.HostDetach))
            return SvmStatus.Busy;
        if (Injection.ShouldFail(InjectionPoint.HostPending))
            return SvmStatus.Retry;
        if (!_host.MayRemap)
            return _host.Memory.Detach(part, Staging!);
        SvmStatus status;
        using (_host.States.Lock.EnterWrite())
        {
            if (!_host.States.IsInPlaceLocked(part, Claimer) || _host.States.RefusesToLeaveLocked())
                return SvmStatus.Busy; // Moved; or a fork has begun since the claim, and the child needs the page.
            status = _host.Memory.Detach(part, Staging!);
            if (status == SvmStatus.Done)
            {
                _host.States.SetTakenLocked(part);
                return SvmStatus.Done;
            }

            SetTakenAloneLocked(part);
        }

        // What was taken before the failure goes back out of the gate, where an event that stands in the way can be read.
        AttachBackPart(Interval.PageIndexOf(part.Start), Interval.PageIndexOf(part.End));
        return status;
    }

    /// <summary>Marks the pages of a part that are in the staging block, in the scratch array and as taken.</summary>
    /// <param name="part">Claimed pages, in their place.</param>
    private void SetTakenAloneLocked(AddressRange part)
    {
        int end = Interval.PageIndexOf(part.End);
        for (int page = Interval.PageIndexOf(part.Start); page < end; page++)
        {
            _part[page] = Staging!.IsPresent(StagingIndex(page));
            if (_part[page])
                _host.States.SetTakenLocked(PartOf(page, 1));
        }
    }

    /// <summary>The length of the run of claimed host pages from a page on.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Pages; 0 if it is none.</returns>
    private int HostRun(int page)
    {
        int end = page;
        while (end < (int)Interval.Pages && _collected[end] && _source[end].IsHost)
            end++;
        return end - page;
    }

    /// <summary>Looks up for each claimed host page whether the CPU may write it now. What cannot be looked up counts as read-only: a write fault grants the right later.</summary>
    /// <param name="mappingIsWritable">What counts for pages that are nowhere, or the page of zeroes.</param>
    private void NoteRights(bool mappingIsWritable)
    {
        int pages = (int)Interval.Pages;
        bool isKnown = _host.Query(Interval, _pages.AsSpan(0, pages)) == SvmStatus.Done;
        for (int page = 0; page < pages; page++)
        {
            if (!_source[page].IsDevice)
                _writable[page] = isKnown && mappingIsWritable && (!_pages[page].IsPresent || _pages[page].IsZero || _pages[page].IsWritable);
        }
    }

    /// <summary>Gets the staging block: the smallest aligned one that holds the interval. Where none can be had, exclusive pages are put back, the oldest first, and then
    /// the interval is halved if a part of it will do .</summary>
    /// <param name="forAttach">As <see cref="IHostMemory.AcquireStaging"/>.</param>
    /// <param name="mayNarrow">Whether a part will do.</param>
    /// <returns>False if none can be had.</returns>
    private bool TryAcquireStaging(bool forAttach, bool mayNarrow)
    {
        while (true)
        {
            PageOrder order = EnclosingOrder();
            AddressRange block = Interval.Start.Block(order);
            Staging = Injection.ShouldFail(InjectionPoint.HostStaging) ? null : _host.Memory.AcquireStaging(block, forAttach);
            _stagingOffset = block.PageIndexOf(Interval.Start);
            if (Staging is not null)
                return true;
            if (_host.RestoreOldest())
                continue;
            if (!mayNarrow || order == PageOrder.Small)
                return false;
            NarrowToHalf(block, order);
        }
    }

    /// <summary>The order of the smallest aligned block that holds the interval.</summary>
    /// <returns>At most 9.</returns>
    private PageOrder EnclosingOrder() =>
        new((byte)(64 - BitOperations.LeadingZeroCount(Interval.Start.PageNumber ^ (Interval.End.PageNumber - 1))));

    /// <summary>Gives the claim of one half of the interval up: the first half that has a claimed page stays.</summary>
    /// <param name="block">The block around the interval.</param>
    /// <param name="order">Its order, at least 1; so its middle lies inside the interval.</param>
    private void NarrowToHalf(AddressRange block, PageOrder order)
    {
        int pages = (int)Interval.Pages;
        int middle = Interval.PageIndexOf(block.Start + (order.Bytes / 2));
        bool isLow = Array.IndexOf(_collected, true, 0, middle) >= 0;
        int first = isLow ? 0 : middle;
        int count = isLow ? middle : pages - middle;
        int gone = isLow ? middle : 0;
        SettleUnchanged(gone, gone + pages - count);
        Interval = PartOf(first, count);
        Array.Copy(_source, first, _source, 0, count);
        Array.Copy(_collected, first, _collected, 0, count);
        Array.Copy(_writable, first, _writable, 0, count);
        CollectedPages = _collected.AsSpan(0, count).Count(true);
    }

    /// <summary>A part of the interval.</summary>
    /// <param name="first">Its first page.</param>
    /// <param name="pages">Its length.</param>
    /// <returns>The part.</returns>
    private AddressRange PartOf(int first, int pages) => AddressRange.OfPages(Interval.Start + ((long)first << PageSize.Shift), pages);

    /// <summary>Takes the interval over and begins to use the process side.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>False if the process side has ended.</returns>
    private bool Begin(AddressRange interval)
    {
        if (_isActive)
            throw new InvalidOperationException("A migration must be completed or aborted before it is used again.");
        if (!_host.TryUse())
            return false;
        if (_host.IsReaped)
        {
            _host.EndUseLater();
            return false;
        }

        _isActive = true;
        _isStagingKept = false;
        _owner = 0;
        Interval = interval;
        CollectedPages = 0;
        Array.Clear(_source);
        Array.Clear(_arrived);
        Array.Fill(_destination, -1);
        return true;
    }

    /// <summary>Ends a migration before anything was taken away.</summary>
    /// <param name="status">What it came to.</param>
    /// <returns>The same status.</returns>
    private SvmStatus EndEmpty(SvmStatus status)
    {
        if (CollectedPages > 0)
            SettleUnchanged(0, (int)Interval.Pages);
        CollectedPages = 0;
        End();
        return status;
    }

    /// <summary>Gives the staging block back, and lets go of the process side.</summary>
    private void End()
    {
        if (Staging is { } staging && !_isStagingKept)
            _host.Memory.ReleaseStaging(staging);
        Staging = null;
        _isActive = false;
        _host.EndUseLater();
    }
}
