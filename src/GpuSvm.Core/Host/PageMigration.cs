// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// One migration in three steps. Setup claims the pages, tells the notifiers and takes the pages away from the CPU; the caller copies and says where each page
/// went; Complete publishes the new places and lets waiters go on, or Abort puts everything back. Kernel: migrate_vma_setup, _pages, _finalize.
/// </summary>
/// <remarks>
/// While a page is claimed its entry says so: CPU faults and HMM walks leave a mark and wait. The claim, not a lock, is what keeps two
/// migrations, or a migration and a population, off the same page; so nothing is locked during a copy.
///
/// Pages are collected one by one: what is held by others, pinned, or not selected is left where it is, unless the caller wants all or nothing. Sources may be
/// mixed: RAM, holes and other devices in one migration, with one event for all.
///
/// The program may move claimed pages to other addresses meanwhile: destinations and bytes follow them (PageStates.Moves.cs).
///
/// Lifetime: one use from Setup to Complete or Abort; a Setup that collects nothing, or fails, has ended already. Then it may be used again. The process side is
/// used from Setup to the end. Not thread-safe.
/// </remarks>
public sealed partial class PageMigration
{
    private readonly HostAddressSpace _host;
    private readonly PageEntry[] _source = new PageEntry[PageSize.PagesPerHuge]; // The entry before the claim, for collected pages.
    private readonly bool[] _collected = new bool[PageSize.PagesPerHuge];
    private readonly bool[] _writable = new bool[PageSize.PagesPerHuge]; // Whether the page could be written where it was.
    private readonly int[] _destination = new int[PageSize.PagesPerHuge]; // Frame, or -1.
    private readonly bool[] _arrived = new bool[PageSize.PagesPerHuge];
    private readonly PageEntry[] _outcome = new PageEntry[PageSize.PagesPerHuge]; // Scratch: what pages become.
    private readonly bool[] _part = new bool[PageSize.PagesPerHuge]; // Scratch.
    private readonly bool[] _dropped = new bool[PageSize.PagesPerHuge]; // Scratch.
    private readonly HostPage[] _pages = new HostPage[PageSize.PagesPerHuge]; // Scratch of NoteRights.
    private bool _isActive;
    private int _owner; // Who migrates, as events say it.

    /// <summary>Creates an idle migration.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="claimer">The number under which it claims pages, its own.</param>
    internal PageMigration(HostAddressSpace host, int claimer)
    {
        _host = host;
        Claimer = claimer;
    }

    /// <summary>The number under which it claims pages.</summary>
    internal int Claimer { get; }

    /// <summary>The interval being migrated: at most 512 pages, inside one 2 MiB block. A part of what was asked for, if staging was short and a part would do.</summary>
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
    /// <see cref="SvmStatus.Retry"/> if the host memory has events pending; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.NotMigratable"/>, <see cref="SvmStatus.ProcessGone"/>. Nothing has changed unless done. <see cref="SvmStatus.Busy"/> also while a fork of the process is under way.</returns>
    /// <remarks>Locking: holds Host shared for the mapping check alone; no lock on return. Exclusive pages are given back to the CPU first.</remarks>
    public SvmStatus SetupToDevice(AddressRange interval, in MigrationSelection selection, MigrationCause cause) =>
        Setup(interval, selection, new MmuEvent(interval, MmuEventKind.Migrate, cause, selection.Owner));

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
    /// <returns><see cref="SvmStatus.Done"/>, also if nothing was collected; <see cref="SvmStatus.OutOfHostMemory"/> without staging, nothing changed; <see cref="SvmStatus.ProcessGone"/>.</returns>
    public SvmStatus SetupToRam(AddressRange interval, int pagemap, DeviceFrame first, int frames, MigrationCause cause, int owner = 0) =>
        SetupToRam(interval, new FrameSelection(pagemap, first, frames), cause, owner);

    /// <summary>As <see cref="SetupToRam(AddressRange, int, DeviceFrame, int, MigrationCause, int)"/>, for frames that need not follow each other.</summary>
    /// <param name="interval">Page aligned, at most 512 pages inside one 2 MiB block.</param>
    /// <param name="selection">Which frames. Where a part will do, <see cref="Interval"/> tells which part it has become.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="owner">Who migrates, as events say it.</param>
    /// <returns>The same.</returns>
    public SvmStatus SetupToRam(AddressRange interval, in FrameSelection selection, MigrationCause cause, int owner = 0)
    {
        if (!Begin(interval))
            return SvmStatus.ProcessGone;
        CollectedPages = _host.States.ClaimDevice(interval, selection, Claimer, _collected, _source);
        return PrepareToRam(selection.MayNarrow, cause, owner);
    }

    /// <summary>
    /// Begins a migration to RAM by frames, which asks for no address and no mapping: the first frame from the cursor on whose page can be had, and all others of the
    /// list whose pages lie in the same 2 MiB of addresses; fewer where staging is short. The caller comes again with the same cursor until nothing is collected, and moves the
    /// cursor on by one where a migration has failed. Kernel: migrate_device_pfns.
    /// </summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="frames">The frames, in any order; those that hold no page are passed over.</param>
    /// <param name="cursor">Where in the list to begin, 0 at first; afterwards the first frame whose page was claimed.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="owner">Who migrates, as events say it.</param>
    /// <returns>As <see cref="SetupToRam(AddressRange, in FrameSelection, MigrationCause, int)"/>.</returns>
    public SvmStatus SetupByFrames(int pagemap, ReadOnlySpan<DeviceFrame> frames, ref int cursor, MigrationCause cause, int owner = 0)
    {
        if (!Begin(default))
            return SvmStatus.ProcessGone;
        CollectedPages = _host.States.ClaimFrames(pagemap, frames, ref cursor, Claimer, _collected, _source, out AddressRange interval);
        Interval = interval;
        return PrepareToRam(mayNarrow: true, cause, owner);
    }

    /// <summary>Says where a collected page has been copied to. A page of which nothing is said stays where it was.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <param name="frame">The frame in the pagemap that <see cref="CompleteToDevice"/> names.</param>
    public void SetDestination(int page, DeviceFrame frame) => _destination[page] = frame.Number;

    /// <summary>Whether a page of the last <see cref="CompleteToDevice"/> lives at its destination now; one that was unmapped meanwhile does not.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>True if it does; if not, its destination frame is the caller's again.</returns>
    public bool HasArrived(int page) => _arrived[page];

    /// <summary>Begins a migration away from the CPU: claim, staging, notifiers, detach.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="selection">Which pages.</param>
    /// <param name="mmuEvent">What notifiers are told.</param>
    /// <returns>As <see cref="SetupToDevice"/>.</returns>
    private SvmStatus Setup(AddressRange interval, in MigrationSelection selection, in MmuEvent mmuEvent)
    {
        if (!Begin(interval))
            return SvmStatus.ProcessGone;
        _owner = selection.Owner;
        SvmStatus status = CheckMapping(interval, out HostMapping mapping);
        if (status == SvmStatus.Done && mmuEvent.Kind == MmuEventKind.Migrate)
            status = _host.RestoreExclusive(interval);
        if (status != SvmStatus.Done && (selection.AllOrNothing || !status.IsRetry()))
            return EndEmpty(status);
        CollectedPages = _host.States.ClaimForDevice(interval, selection, Claimer, _collected, _source, out int hostPages);
        if (CollectedPages == 0 && _host.States.IsForking)
            return EndEmpty(SvmStatus.Busy); // Soon another try will do.
        if (CollectedPages == 0 || (selection.AllOrNothing && CollectedPages < interval.Pages))
            return EndEmpty(selection.AllOrNothing ? WhyNotAll(interval) : SvmStatus.Done);
        for (int page = 0; page < (int)interval.Pages; page++)
            _writable[page] = _source[page].IsDevice ? _source[page].IsWritable : mapping.IsWritable;
        if (hostPages > 0)
        {
            if (selection.ExactRights)
                NoteRights(mapping.IsWritable);
            if (!TryAcquireStaging(forAttach: false, mayNarrow: !selection.AllOrNothing))
                return EndEmpty(SvmStatus.OutOfHostMemory);
        }

        _host.Notifiers.InvalidateStart(mmuEvent with { Interval = Interval });
        _ = _host.Shared.Remove(Interval); // The event has taken the copies along.
        status = hostPages > 0 ? DetachClaimed(selection.AllOrNothing) : SvmStatus.Done;
        _host.Notifiers.InvalidateEnd();
        if (status != SvmStatus.Done || CollectedPages == 0)
            return EndEmpty(status);
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Gets claimed device pages ready to be copied to RAM: a staging block, and no device that still writes them.</summary>
    /// <param name="mayNarrow">Whether a part of the interval will do.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="owner">Who migrates.</param>
    /// <returns>As <see cref="SetupToRam(AddressRange, in FrameSelection, MigrationCause, int)"/>.</returns>
    private SvmStatus PrepareToRam(bool mayNarrow, MigrationCause cause, int owner)
    {
        _owner = owner;
        if (CollectedPages == 0)
            return EndEmpty(SvmStatus.Done);
        if (!TryAcquireStaging(forAttach: true, mayNarrow))
            return EndEmpty(SvmStatus.OutOfHostMemory);
        int pages = (int)Interval.Pages;
        if (CollectedPages < Staging!.Order.Pages)
        {
            Staging.SetPresent(0, Staging.Order.Pages, present: false);
            for (int page = 0; page < pages; page++)
            {
                if (_collected[page])
                    Staging.SetPresent(StagingIndex(page), 1, present: true);
            }
        }

        _host.Notifiers.InvalidateStart(new MmuEvent(Interval, MmuEventKind.Migrate, cause, owner));
        _host.Notifiers.InvalidateEnd();
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Why an all-or-nothing claim did not get every page.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns><see cref="SvmStatus.MixedPlacement"/> if a page lies on a device or is exclusive, else <see cref="SvmStatus.Busy"/>.</returns>
    private SvmStatus WhyNotAll(AddressRange interval) =>
        _host.HasPageElsewhere(interval, besides: _collected) ? SvmStatus.MixedPlacement : SvmStatus.Busy;

    /// <summary>Whether the interval may move to a device.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="mapping">The mapping it lies in.</param>
    /// <returns>A status as of <see cref="SetupToDevice"/>.</returns>
    private SvmStatus CheckMapping(AddressRange interval, out HostMapping mapping)
    {
        mapping = default;
        using (_host.Lock.EnterRead())
        {
            if (!_host.TryFindMapping(interval.Start, out mapping) || !mapping.Interval.Contains(interval))
                return SvmStatus.NotMapped;
            return mapping is { IsAnonymous: true, IsReadable: true } ? SvmStatus.Done : SvmStatus.NotMigratable;
        }
    }
}
