// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// One migration in three steps. Setup claims the pages, tells the notifiers and takes the pages away from the CPU; the caller copies and says where each page
/// went; Complete publishes the new places and lets waiters go on, or Abort puts everything back. Kernel: migrate_vma_setup, _pages, _finalize.
/// </summary>
/// <remarks>
/// While a page is claimed its entry says "migrating": CPU faults and HMM walks leave a mark and wait. The claim, not a lock, is what keeps two
/// migrations, or a migration and a population, off the same page; so nothing is locked during a copy.
///
/// Pages are collected one by one: what is held by others, pinned, or not selected is left where it is, unless the caller wants all or nothing. Sources may be
/// mixed: RAM, holes and other devices in one migration, with one event for all.
///
/// Lifetime: one use from Setup to Complete or Abort; a Setup that collects nothing has ended already. Then it may be used again. Not thread-safe.
/// </remarks>
public sealed partial class PageMigration
{
    private readonly HostAddressSpace _host;
    private readonly PageEntry[] _source = new PageEntry[PageSize.PagesPerHuge]; // The entry before the claim, for collected pages.
    private readonly bool[] _collected = new bool[PageSize.PagesPerHuge];
    private readonly bool[] _writable = new bool[PageSize.PagesPerHuge]; // Whether the page could be written where it was.
    private readonly int[] _destination = new int[PageSize.PagesPerHuge]; // Frame, or -1.
    private readonly bool[] _arrived = new bool[PageSize.PagesPerHuge];
    private readonly bool[] _part = new bool[PageSize.PagesPerHuge]; // Scratch.
    private readonly HostPage[] _pages = new HostPage[PageSize.PagesPerHuge]; // Scratch of NoteRights.
    private bool _isActive;

    /// <summary>Creates an idle migration.</summary>
    /// <param name="host">The address space.</param>
    internal PageMigration(HostAddressSpace host) => _host = host;

    /// <summary>The interval being migrated: at most 512 pages, inside one 2 MiB block.</summary>
    public AddressRange Interval { get; private set; }

    /// <summary>The staging block: for a migration to a device it holds the pages that were in RAM, null if there were none; for one to RAM it receives them.</summary>
    public HostStaging? Staging { get; private set; }

    /// <summary>How many pages were claimed.</summary>
    public int CollectedPages { get; private set; }

    /// <summary>Whether a page was claimed.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>True if it was.</returns>
    public bool IsCollected(int page) => _collected[page];

    /// <summary>What was found at a page.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>Its source.</returns>
    public MigrationSource SourceOf(int page) => !_collected[page] ? MigrationSource.None
        : _source[page].IsDevice ? MigrationSource.Device
        : Staging!.IsPresent(StagingIndex(page)) ? MigrationSource.Ram : MigrationSource.Hole;

    /// <summary>The device entry of a claimed page that lies on a device.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>The entry before the claim.</returns>
    public PageEntry SourceEntry(int page) => _source[page];

    /// <summary>The device frame a claimed page comes from.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>The frame.</returns>
    public DeviceFrame SourceFrame(int page) => _source[page].Frame;

    /// <summary>Whether a claimed page could be written where it was; so its new device entry will be.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>True if it could.</returns>
    public bool IsWritable(int page) => _writable[page];

    /// <summary>A page's index in the staging block.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>The index, for <see cref="HostStaging"/>'s members and as a multiple of 4096 from its pointer.</returns>
    public int StagingIndex(int page) => page + _stagingOffset;

    /// <summary>The length of the run of pages with the same kind of source from a page on; for a device, in frames that follow each other.</summary>
    /// <param name="page">The run's first page.</param>
    /// <returns>Pages, at least 1.</returns>
    public int RunLength(int page)
    {
        MigrationSource source = SourceOf(page);
        int pages = (int)Interval.Pages;
        int end = page + 1;
        while (end < pages && SourceOf(end) == source
            && (source != MigrationSource.Device || (_source[end].Pagemap == _source[page].Pagemap && _source[end].Frame == _source[page].Frame + (end - page))))
            end++;
        return end - page;
    }

    /// <summary>
    /// Begins a migration to a device. On success with <see cref="CollectedPages"/> above 0 the CPU no longer has the collected pages: <see cref="Staging"/> holds
    /// the bytes of those that were in RAM. With 0 the migration has ended, and nothing has changed.
    /// </summary>
    /// <param name="interval">Page aligned, at most 512 pages inside one 2 MiB block and one mapping.</param>
    /// <param name="selection">Which pages.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>; with all or nothing <see cref="SvmStatus.Busy"/> if a page is held by another migration or cannot leave the CPU, and
    /// <see cref="SvmStatus.MixedPlacement"/> if one is on a device that was not selected; <see cref="SvmStatus.OutOfHostMemory"/> without staging;
    /// <see cref="SvmStatus.Retry"/> if the host memory has events pending; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.NotMigratable"/>. Nothing has changed unless done.</returns>
    /// <remarks>Locking: holds Host shared for the mapping check alone; no lock on return.</remarks>
    public SvmStatus SetupToDevice(AddressRange interval, in MigrationSelection selection, MigrationCause cause)
    {
        SvmStatus status = CheckMapping(interval, out HostMapping mapping);
        if (status != SvmStatus.Done)
            return status;
        Begin(interval);
        CollectedPages = _host.ClaimForDevice(interval, selection, _collected, _source, out int hostPages);
        if (CollectedPages == 0 || (selection.AllOrNothing && CollectedPages < interval.Pages))
            return EndEmpty(selection.AllOrNothing ? WhyNotAll(interval) : SvmStatus.Done);
        for (int page = 0; page < (int)interval.Pages; page++)
            _writable[page] = _source[page].IsDevice ? _source[page].IsWritable : mapping.IsWritable;
        if (hostPages > 0)
        {
            if (selection.ExactRights)
                NoteRights(mapping.IsWritable);
            if (!TryAcquireStaging(forAttach: false))
                return EndEmpty(SvmStatus.OutOfHostMemory);
        }

        var mmuEvent = new MmuEvent(interval, MmuEventKind.Migrate, cause, selection.Owner);
        _host.Notifiers.InvalidateStart(mmuEvent);
        status = hostPages > 0 ? DetachClaimed(selection.AllOrNothing) : SvmStatus.Done;
        _host.Notifiers.InvalidateEnd();
        if (status != SvmStatus.Done || CollectedPages == 0)
            return EndEmpty(status);
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>
    /// Begins a migration of device pages to RAM: those pages of the interval that lie in the given frames and are not held by others. On success with
    /// <see cref="CollectedPages"/> above 0, <see cref="Staging"/> has room for them. With 0 the migration has ended.
    /// </summary>
    /// <param name="interval">Page aligned, at most 512 pages inside one 2 MiB block.</param>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="first">The first frame to select.</param>
    /// <param name="frames">How many frames in a row.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="owner">Who migrates, as events say it.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also if nothing was collected; <see cref="SvmStatus.OutOfHostMemory"/> without staging, nothing changed.</returns>
    public SvmStatus SetupToRam(AddressRange interval, int pagemap, DeviceFrame first, int frames, MigrationCause cause, int owner = 0)
    {
        Begin(interval);
        CollectedPages = _host.ClaimDevicePages(interval, pagemap, first, frames, _collected, _source);
        if (CollectedPages == 0)
            return EndEmpty(SvmStatus.Done);
        if (!TryAcquireStaging(forAttach: true))
            return EndEmpty(SvmStatus.OutOfHostMemory);
        int pages = (int)interval.Pages;
        if (CollectedPages < Staging!.Order.Pages)
        {
            Staging.SetPresent(0, Staging.Order.Pages, present: false);
            for (int page = 0; page < pages; page++)
            {
                if (_collected[page])
                    Staging.SetPresent(StagingIndex(page), 1, present: true);
            }
        }

        var mmuEvent = new MmuEvent(interval, MmuEventKind.Migrate, cause, owner);
        _host.Notifiers.InvalidateStart(mmuEvent);
        _host.Notifiers.InvalidateEnd();
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Says where a collected page has been copied to. A page of which nothing is said stays where it was.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <param name="frame">The frame in the pagemap that <see cref="CompleteToDevice"/> names.</param>
    public void SetDestination(int page, DeviceFrame frame) => _destination[page] = frame.Number;

    /// <summary>Whether a page of the last <see cref="CompleteToDevice"/> lives at its destination now; one that was unmapped meanwhile does not.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>True if it does; if not, its destination frame is the caller's again.</returns>
    public bool HasArrived(int page) => _arrived[page];

    /// <summary>Takes present host pages that were claimed away from the CPU; those that cannot be had are given back to it unless all are wanted.</summary>
    /// <param name="allOrNothing">Whether one that cannot be had ends it.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why nothing was taken.</returns>
    private SvmStatus DetachClaimed(bool allOrNothing)
    {
        if (Injection.ShouldFail(InjectionPoint.HostDetach))
            return SvmStatus.Busy;
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
        SvmStatus status = _host.Memory.Detach(PartOf(first, pages), Staging!);
        if (status == SvmStatus.Done || allOrNothing)
            return status;
        if (status == SvmStatus.Busy && pages > 1)
        {
            SvmStatus low = DetachRun(first, pages / 2, allOrNothing);
            SvmStatus high = DetachRun(first + (pages / 2), pages - (pages / 2), allOrNothing);
            return low == SvmStatus.Done ? high : low;
        }

        SettlePart(first, first + pages, inRam: false);
        Array.Clear(_collected, first, pages);
        CollectedPages -= pages;
        return status;
    }

    /// <summary>The length of the run of claimed host pages from a page on.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Pages; 0 if it is none.</returns>
    private int HostRun(int page)
    {
        int end = page;
        while (end < (int)Interval.Pages && _collected[end] && !_source[end].IsDevice)
            end++;
        return end - page;
    }

    /// <summary>Looks up for each claimed host page whether the CPU may write it now.</summary>
    /// <param name="mappingIsWritable">What counts for pages that are nowhere, or the page of zeroes.</param>
    private void NoteRights(bool mappingIsWritable)
    {
        int pages = (int)Interval.Pages;
        if (_host.Memory.Query(Interval, _pages.AsSpan(0, pages)) != SvmStatus.Done)
            return; // Unmapped meanwhile: what is taken then is dropped.
        for (int page = 0; page < pages; page++)
        {
            if (!_source[page].IsDevice)
                _writable[page] = _pages[page].IsPresent && !_pages[page].IsZero ? _pages[page].IsWritable : mappingIsWritable;
        }
    }

    /// <summary>Why an all-or-nothing claim did not get every page.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns><see cref="SvmStatus.MixedPlacement"/> if a page lies on a device, else <see cref="SvmStatus.Busy"/>.</returns>
    private SvmStatus WhyNotAll(AddressRange interval) =>
        _host.HasDevicePage(interval, besides: _collected) ? SvmStatus.MixedPlacement : SvmStatus.Busy;

    /// <summary>Whether the interval may move to a device.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="mapping">The mapping it lies in.</param>
    /// <returns>A status as of <see cref="SetupToDevice"/>.</returns>
    private SvmStatus CheckMapping(AddressRange interval, out HostMapping mapping)
    {
        mapping = default;
        using (_host.Lock.EnterRead())
        {
            if (!_host.IsAlive)
                return SvmStatus.ProcessGone;
            if (!_host.TryFindMapping(interval.Start, out mapping) || !mapping.Interval.Contains(interval))
                return SvmStatus.NotMapped;
            return mapping is { IsAnonymous: true, IsReadable: true } ? SvmStatus.Done : SvmStatus.NotMigratable;
        }
    }
}
