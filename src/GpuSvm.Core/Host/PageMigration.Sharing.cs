// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>Pages that are copied where they are, and are only read from then on.</content>
/// <remarks>Write-protected first, for the CPU and by an event for every device, so the copy is whole; and as the pages are claimed, nobody can give the right to write back before the copy is
/// published. Nothing moves, so that huge pages stay whole.</remarks>
public sealed partial class PageMigration
{
    private const int ReadPages = 16; // Read in one hold of the gate: others wait for it.

    /// <summary>Begins to share an interval: every page of it, or none. On success <see cref="Staging"/> holds a copy of the pages' bytes; end with <see cref="CompleteShared"/>.</summary>
    /// <param name="interval">Page aligned, inside one 2 MiB block and one mapping; every page in RAM.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns>As <see cref="SetupToDevice"/> with all or nothing; <see cref="SvmStatus.Retry"/> if a page is nowhere, or the page of zeroes, which the CPU would replace without telling anybody:
    /// populate it first. Unless done the migration has ended; pages may be write-protected all the same.</returns>
    internal SvmStatus SetupToShare(AddressRange interval, MigrationCause cause)
    {
        if (!Begin(interval))
            return SvmStatus.ProcessGone;
        SvmStatus status = CheckMapping(interval, out HostMapping mapping);
        if (status == SvmStatus.Done)
            status = _host.RestoreExclusive(interval);
        if (status != SvmStatus.Done)
            return EndEmpty(status);
        CollectedPages = _host.States.ClaimForDevice(interval, new MigrationSelection(System: true, AllOrNothing: true), Claimer, _collected, _source, out _);
        if (CollectedPages == 0)
            return EndEmpty(WhyNotAll(interval));
        if (!_host.Shared.TryAdd(interval) || !TryAcquireStaging(forAttach: true, mayNarrow: false)) // Noted before the copy can be seen.
            return EndEmpty(SvmStatus.OutOfHostMemory);
        _host.Notifiers.InvalidateStart(new MmuEvent(interval, MmuEventKind.Share, cause));
        status = Protect(mapping.IsWritable);
        _host.Notifiers.InvalidateEnd();
        if (status == SvmStatus.Done)
            status = ReadShared();
        if (status != SvmStatus.Done)
            return EndEmpty(status);
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Whether what is to be published now may be: the pages are still where they were claimed, and may be read. To be asked between reading a notifier's sequence and the comparison.</summary>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/> if one was moved, unmapped or discarded; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.NotMigratable"/>.</returns>
    internal SvmStatus CheckShared()
    {
        SvmStatus status = CheckMapping(Interval, out _);
        if (status != SvmStatus.Done)
            return status;
        using (_host.States.Lock.EnterWrite())
            return _host.States.IsInPlaceLocked(Interval, Claimer) ? SvmStatus.Done : SvmStatus.Busy;
    }

    /// <summary>Lets go of the pages; they are read only as long as they are shared.</summary>
    internal void CompleteShared()
    {
        SchedulePoint.Reach(SchedulePointKind.MigrationCopied, this);
        SettleUnchanged(0, (int)Interval.Pages);
        End();
    }

    /// <summary>Takes the CPU's right to write the claimed pages away, and looks that each is there.</summary>
    /// <param name="mappingIsWritable">Whether the CPU may write the mapping, so that a page of zeroes would be replaced.</param>
    /// <returns><see cref="SvmStatus.Done"/>; the retry family; or why not.</returns>
    private SvmStatus Protect(bool mappingIsWritable)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        SvmStatus status = Injection.ShouldFail(InjectionPoint.HostProtect) ? SvmStatus.Retry : _host.Memory.WriteProtect(Interval, protect: true);
        int pages = (int)Interval.Pages;
        if (status == SvmStatus.Done)
            status = _host.Query(Interval, _pages.AsSpan(0, pages));
        for (int page = 0; page < pages && status == SvmStatus.Done; page++)
        {
            if (!_pages[page].IsPresent || _pages[page].IsWritable || (_pages[page].IsZero && mappingIsWritable))
                status = SvmStatus.Retry;
        }

        return status == SvmStatus.Unmapped ? SvmStatus.NotMapped : status;
    }

    /// <summary>Copies the claimed pages into the staging block, as far as they are still where they were.</summary>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if one has gone.</returns>
    private SvmStatus ReadShared()
    {
        SvmStatus status = Injection.ShouldFail(InjectionPoint.HostRead) ? SvmStatus.Retry : SvmStatus.Done;
        for (int page = 0; page < (int)Interval.Pages && status == SvmStatus.Done; page += ReadPages)
        {
            AddressRange part = PartOf(page, Math.Min(ReadPages, (int)Interval.Pages - page));
            using (_host.States.Lock.EnterWrite())
                status = _host.States.IsInPlaceLocked(part, Claimer) ? _host.Memory.ReadInto(part, Staging!, StagingIndex(page)) : SvmStatus.Retry;
        }

        return status == SvmStatus.NotMapped ? SvmStatus.Retry : status;
    }
}
