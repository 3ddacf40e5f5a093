// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// One migration in three steps. Setup claims the pages, tells the notifiers and takes the pages away from the CPU; the caller copies; Complete publishes the
/// new place and lets waiters go on, or Abort puts everything back. Kernel: migrate_vma_setup, _pages, _finalize.
/// </summary>
/// <remarks>
/// While a page is claimed its entry says "migrating": CPU faults and HMM walks leave a mark and wait. The claim, not a lock, is what keeps two
/// migrations, or a migration and a population, off the same page; so nothing is locked during a copy.
/// Lifetime: one use from Setup to Complete or Abort; then it may be used again. Not thread-safe.
/// </remarks>
public sealed class PageMigration
{
    private readonly HostAddressSpace _host;
    private readonly PageEntry[] _source = new PageEntry[PageSize.PagesPerHuge]; // The entry before the claim, for collected pages.
    private readonly bool[] _collected = new bool[PageSize.PagesPerHuge];
    private readonly bool[] _part = new bool[PageSize.PagesPerHuge]; // Scratch of SettlePart.

    /// <summary>Creates an idle migration.</summary>
    /// <param name="host">The address space.</param>
    internal PageMigration(HostAddressSpace host) => _host = host;

    /// <summary>The interval being migrated: 2^order pages, aligned to it.</summary>
    public AddressRange Interval { get; private set; }

    /// <summary>The staging block: for a migration to the device it holds the pages; for one to RAM it receives them.</summary>
    public HostStaging? Staging { get; private set; }

    /// <summary>How many pages were claimed.</summary>
    public int CollectedPages { get; private set; }

    /// <summary>Whether a page was claimed.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>True if it was.</returns>
    public bool IsCollected(int page) => _collected[page];

    /// <summary>The device frame a claimed page comes from.</summary>
    /// <param name="page">Its index in the interval.</param>
    /// <returns>The frame.</returns>
    public DeviceFrame SourceFrame(int page) => _source[page].Frame;

    /// <summary>
    /// Begins a migration of host pages to a device: all pages of the interval, or none. On success the CPU no longer has them: <see cref="Staging"/> holds
    /// the present ones, its holes stand for pages that read as zeroes.
    /// </summary>
    /// <param name="interval">2^order pages, aligned to it, at most 2 MiB.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/> if a page is held by another migration or cannot leave the CPU;
    /// <see cref="SvmStatus.MixedPlacement"/> if a page is on a device already; <see cref="SvmStatus.OutOfHostMemory"/> without staging;
    /// <see cref="SvmStatus.Retry"/> if the host memory has events pending; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.NotMigratable"/>. Nothing has changed unless done.</returns>
    /// <remarks>Locking: holds Host shared for the mapping check alone; no lock on return.</remarks>
    public SvmStatus SetupToDevice(AddressRange interval, MigrationCause cause)
    {
        SvmStatus status = CheckMapping(interval);
        if (status != SvmStatus.Done)
            return status;
        HostStaging? staging = Injection.ShouldFail(InjectionPoint.HostStaging) ? null : _host.Memory.AcquireStaging(interval, forAttach: false);
        if (staging is null)
            return SvmStatus.OutOfHostMemory;
        status = _host.ClaimHostPages(interval);
        if (status != SvmStatus.Done)
        {
            _host.Memory.ReleaseStaging(staging);
            return status;
        }

        Begin(interval, staging);
        int pages = (int)interval.Pages;
        Array.Fill(_collected, true, 0, pages);
        Array.Clear(_source, 0, pages);
        CollectedPages = pages;
        var mmuEvent = new MmuEvent(interval, MmuEventKind.Migrate, cause);
        _host.Notifiers.InvalidateStart(mmuEvent);
        status = Injection.ShouldFail(InjectionPoint.HostDetach) ? SvmStatus.Busy : _host.Memory.Detach(interval, staging);
        _host.Notifiers.InvalidateEnd();
        if (status == SvmStatus.Done)
        {
            SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
            return status;
        }

        _host.SettleUnchanged(interval, _collected, _source);
        End();
        return status;
    }

    /// <summary>
    /// Begins a migration of device pages to RAM: those pages of the interval that lie in the given frames and are not held by others. On success with
    /// <see cref="CollectedPages"/> above 0, <see cref="Staging"/> has room for them at their offsets.
    /// </summary>
    /// <param name="interval">2^order pages, aligned to it, at most 2 MiB.</param>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="first">The first frame to select.</param>
    /// <param name="frames">How many frames in a row.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also if nothing was collected; <see cref="SvmStatus.OutOfHostMemory"/> without staging, nothing changed.</returns>
    public SvmStatus SetupToRam(AddressRange interval, int pagemap, DeviceFrame first, int frames, MigrationCause cause)
    {
        HostStaging? staging = Injection.ShouldFail(InjectionPoint.HostStaging) ? null : _host.Memory.AcquireStaging(interval, forAttach: true);
        if (staging is null)
            return SvmStatus.OutOfHostMemory;
        Begin(interval, staging);
        CollectedPages = _host.ClaimDevicePages(interval, pagemap, first, frames, _collected, _source);
        if (CollectedPages == 0)
        {
            End();
            return SvmStatus.Done;
        }

        int pages = (int)interval.Pages;
        if (CollectedPages < pages)
        {
            for (int page = 0; page < pages; page++)
                staging.SetPresent(page, 1, _collected[page]);
        }

        var mmuEvent = new MmuEvent(interval, MmuEventKind.Migrate, cause);
        _host.Notifiers.InvalidateStart(mmuEvent);
        _host.Notifiers.InvalidateEnd();
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Ends a migration to the device: the claimed pages are in the frames now.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="first">The frame of the interval's first page; the others follow.</param>
    /// <returns>How many pages really arrived: fewer than claimed if some were unmapped meanwhile, whose frames are the caller's again.</returns>
    public int CompleteToDevice(int pagemap, DeviceFrame first)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        int arrived = _host.SettleOnDevice(Interval, pagemap, first, _collected);
        End();
        return arrived;
    }

    /// <summary>Ends a migration to RAM: makes the claimed pages visible to the CPU, run by run. The frames that arrived pages came from are free afterwards.</summary>
    /// <param name="arrived">How many pages left the device.</param>
    /// <returns><see cref="SvmStatus.Done"/> if all did; otherwise why the others are still there.</returns>
    public SvmStatus CompleteToRam(out int arrived)
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        _host.MaskDropped(Interval, _collected, Staging!);
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
                    for (; run > 0 && !Staging!.IsPresent(page); page++, run--)
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

    /// <summary>Puts everything back: pages that were detached are attached again, pages that were on the device stay there.</summary>
    /// <returns><see cref="SvmStatus.Done"/>.</returns>
    /// <exception cref="InvalidOperationException">The host memory refuses to take its own pages back: there is no way on that loses nothing.</exception>
    public SvmStatus Abort()
    {
        if (CollectedPages > 0 && !_source[FirstCollected()].IsDevice)
        {
            _host.MaskDropped(Interval, _collected, Staging!);
            AttachBack();
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
        AddressRange run = AddressRange.OfPages(Interval.Start + ((long)first << PageSize.Shift), pages);
        SvmStatus status = _host.Memory.Attach(run, Staging!, writable: true);
        return status == SvmStatus.Unmapped ? SvmStatus.Done : status;
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

    /// <summary>Gives detached pages back to the CPU. They left a moment ago, so there is room; a shortage passes.</summary>
    private void AttachBack()
    {
        SvmStatus status = SvmStatus.Done;
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            status = _host.Memory.Attach(Interval, Staging!, writable: true);
            if (status is SvmStatus.Done or SvmStatus.Unmapped)
                return;
            Thread.Sleep(1);
        }

        throw new InvalidOperationException($"Pages {Interval} cannot be given back to the CPU: {status.Describe()}.");
    }

    /// <summary>The first claimed page.</summary>
    /// <returns>Its index.</returns>
    private int FirstCollected() => Array.IndexOf(_collected, true, 0, (int)Interval.Pages);

    /// <summary>Whether the interval may move to a device.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>A status as of <see cref="SetupToDevice"/>.</returns>
    private SvmStatus CheckMapping(AddressRange interval)
    {
        using (_host.Lock.EnterRead())
        {
            if (!_host.IsAlive)
                return SvmStatus.ProcessGone;
            if (!_host.TryFindMapping(interval.Start, out HostMapping mapping) || !mapping.Interval.Contains(interval))
                return SvmStatus.NotMapped;
            return mapping is { IsAnonymous: true, IsReadable: true } ? SvmStatus.Done : SvmStatus.NotMigratable;
        }
    }

    /// <summary>Takes the interval and the staging block over.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="staging">The block.</param>
    private void Begin(AddressRange interval, HostStaging staging)
    {
        if (Staging is not null)
            throw new InvalidOperationException("A migration must be completed or aborted before it is used again.");
        Interval = interval;
        Staging = staging;
        CollectedPages = 0;
    }

    /// <summary>Gives the staging block back.</summary>
    private void End()
    {
        _host.Memory.ReleaseStaging(Staging!);
        Staging = null;
    }
}
