// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>Migrations that copy nothing: pages taken from the CPU for devices alone, and given back.</content>
public sealed partial class PageMigration
{
    /// <summary>Begins to take pages in RAM for an owner's devices: afterwards the collected ones that hold bytes are in the staging block.</summary>
    /// <param name="interval">Page aligned, at most 512 pages inside one 2 MiB block and one mapping.</param>
    /// <param name="owner">Whose devices, not 0.</param>
    /// <returns>As <see cref="SetupToDevice"/> without all or nothing.</returns>
    internal SvmStatus SetupExclusive(AddressRange interval, int owner) =>
        Setup(interval, new MigrationSelection(System: true, Owner: owner), new MmuEvent(interval, MmuEventKind.Exclusive, Owner: owner));

    /// <summary>Ends taking pages: those in the staging block are exclusive now, and the block belongs to a hold. Where nothing was there, nothing has changed.</summary>
    /// <param name="holds">Where the hold is made.</param>
    /// <returns>How many pages are exclusive.</returns>
    internal int CompleteExclusive(ExclusiveHolds holds)
    {
        int pages = (int)Interval.Pages;
        int count = 0;
        for (int page = 0; page < pages; page++)
            count += SourceOf(page) == MigrationSource.Ram ? 1 : 0;
        int hold = count == 0 ? 0 : holds.Add(Staging!, _owner, count);
        for (int page = 0; page < pages; page++)
            _outcome[page] = SourceOf(page) == MigrationSource.Ram ? PageEntry.InHold(hold, StagingIndex(page)) : default;
        if (count > 0)
            _isStagingKept = true;
        _host.Settle(Interval, Claimer, _collected, _outcome, _dropped);
        int dropped = 0;
        for (int page = 0; page < pages; page++)
            dropped += _collected[page] && _dropped[page] && _outcome[page].IsExclusive ? 1 : 0;
        End();
        if (dropped > 0)
            _host.ReleaseHold(hold, dropped);
        return count - dropped;
    }

    /// <summary>Begins to give exclusive pages of one hold back: notifiers of every owner have been told, and no device uses them any more.</summary>
    /// <param name="interval">Page aligned, at most 512 pages inside one 2 MiB block.</param>
    /// <param name="hold">The hold.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also if nothing was collected; <see cref="SvmStatus.ProcessGone"/>.</returns>
    internal SvmStatus SetupRestore(AddressRange interval, int hold)
    {
        if (!Begin(interval))
            return SvmStatus.ProcessGone;
        CollectedPages = _host.States.ClaimExclusive(interval, hold, Claimer, _collected, _source);
        if (CollectedPages == 0)
            return EndEmpty(SvmStatus.Done);
        Staging = _host.FindHold(_source[FirstCollected()], out _);
        _isStagingKept = true;
        _host.Notifiers.InvalidateStart(new MmuEvent(interval, MmuEventKind.Exclusive));
        _host.Notifiers.InvalidateEnd();
        SchedulePoint.Reach(SchedulePointKind.MigrationCollected, this);
        return SvmStatus.Done;
    }

    /// <summary>Ends giving pages back.</summary>
    /// <param name="holds">Where the hold is.</param>
    /// <param name="restored">How many are the CPU's again.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why the others are still exclusive.</returns>
    internal SvmStatus CompleteRestore(ExclusiveHolds holds, out int restored)
    {
        int pages = (int)Interval.Pages;
        int hold = _source[FirstCollected()].Hold;
        SvmStatus status = AttachPages(_collected, 0, pages, out int reached);
        for (int page = 0; page < pages; page++)
            _outcome[page] = page < reached ? default : _source[page];
        _host.Settle(Interval, Claimer, _collected, _outcome, _dropped);
        restored = 0;
        for (int page = 0; page < pages; page++)
            restored += _collected[page] && (_dropped[page] || page < reached) ? 1 : 0;
        HostStaging? block = holds.Remove(hold, restored);
        End();
        if (block is not null)
            _host.Memory.ReleaseStaging(block);
        return status;
    }

    /// <summary>The first claimed page.</summary>
    /// <returns>Its index.</returns>
    private int FirstCollected() => Array.IndexOf(_collected, true, 0, (int)Interval.Pages);
}
