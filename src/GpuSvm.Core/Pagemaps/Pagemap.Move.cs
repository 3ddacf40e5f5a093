// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Pagemaps;

/// <content>One migration to the device, from the claim to the publication.</content>
public sealed partial class Pagemap
{
    private const int LeastClearPages = 64; // To ask the host memory what is a hole takes as long as to zero a smaller block.

    /// <summary>Claims, copies and publishes what has a frame.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">The plan; its blocks' references are consumed.</param>
    /// <param name="details">How.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done.</param>
    /// <returns>As <see cref="Populate"/>.</returns>
    private SvmStatus Move(
        AddressRange interval, Population population, in MigrationDetails details, MigrationCause cause, HostWorkspace workspace, ref MigrationResult result)
    {
        long start = Stopwatch.GetTimestamp();
        int there = population.CountThere();
        int first = 0;
        int last = (int)interval.Pages;
        while (population.Frames[first] < 0)
            first++;
        while (population.Frames[last - 1] < 0)
            last--;
        PageMigration migration = workspace.Migration;
        AddressRange part = AddressRange.OfPages(interval.Start + ((long)first << PageSize.Shift), last - first);
        var selection = new MigrationSelection(
            System: true, PeerOwner: OwnerToken, Target: details.CanMigrateSamePagemap ? -1 : Index, AllOrNothing: details.AllOrNothing);
        SvmStatus status = migration.SetupToDevice(part, selection, cause);
        if (status != SvmStatus.Done || migration.CollectedPages == 0)
            return GiveUp(population, status is SvmStatus.Done or SvmStatus.MixedPlacement ? SvmStatus.Busy : status, there, ref result);
        population.IsNarrowed = migration.Interval != part;
        first = interval.PageIndexOf(migration.Interval.Start);
        last = interval.PageIndexOf(migration.Interval.End);
        int taken = 0;
        for (int page = first; page < last; page++)
        {
            if (!migration.IsCollected(page - first) || population.Frames[page] < 0)
                continue;
            taken++;
            migration.SetDestination(page - first, new DeviceFrame(population.Frames[page]));
        }

        status = CopyIn(migration, population, first, out int copied);
        if (status != SvmStatus.Done)
        {
            SvmStatus aborted = migration.Abort();
            GiveUp(population, status, there, ref result);
            result = result with { Left = Math.Max(0, result.Left - taken), Failed = Math.Min(result.Left, taken) };
            return aborted == SvmStatus.Done ? status : aborted;
        }

        int arrived = Publish(migration, population, first, details, out int own);
        Counters.CountToDevice(copied, arrived);
        _host.Events.Migrated(migration, (short)Index, cause, default, start);
        int moved = Math.Min(arrived - own, (int)interval.Pages - there);
        int failed = Math.Min(taken - arrived, (int)interval.Pages - there - moved);
        result = new MigrationResult((int)interval.Pages, there, moved, (int)interval.Pages - there - moved - failed, failed);
        return there + moved == interval.Pages ? SvmStatus.Done
            : population.Shortage != SvmStatus.Done ? population.Shortage : SvmStatus.Busy;
    }

    /// <summary>Counts pages in, lists their blocks, lets the host address space publish the new places, and gives back what was not used.</summary>
    /// <param name="migration">The migration, copied.</param>
    /// <param name="population">The plan.</param>
    /// <param name="first">The migration's first page in the plan.</param>
    /// <param name="details">How.</param>
    /// <param name="own">How many of those that arrived came from other frames of this device.</param>
    /// <returns>How many pages arrived.</returns>
    private int Publish(PageMigration migration, Population population, int first, in MigrationDetails details, out int own)
    {
        long until = details.Timeslice <= TimeSpan.Zero ? 0
            : _host.Time.GetTimestamp() + (long)(details.Timeslice.TotalSeconds * _host.Time.TimestampFrequency);
        int pages = (int)migration.Interval.Pages;
        for (int i = 0; i < population.Blocks; i++)
        {
            DeviceAllocation block = population.Block(i);
            block.ZoneData.GetPages(block.Order.Pages); // For each page that may come; those that do not are put below.
            block.GuaranteedUntil = until;
            block.IsPinned = details.IsPinned;
            _allocations.Add(block, population.StartOf(i));
        }

        int arrived = migration.CompleteToDevice(Index);
        own = 0;
        for (int page = first; page < first + pages; page++)
        {
            if (!migration.HasArrived(page - first))
                continue;
            own += migration.SourceEntry(page - first) is { IsDevice: true } source && source.Pagemap == Index ? 1 : 0;
            population.Frames[page] = -1; // The page's now; what is left is ours to give back.
        }

        for (int page = 0; page < population.Length;)
        {
            int run = population.FrameRun(page);
            if (run > 0)
                ReleaseFrames(new DeviceFrame(population.Frames[page]), run);
            page += Math.Max(run, 1);
        }

        for (int i = 0; i < population.Blocks; i++)
            population.Block(i).ZoneData.Put();
        return arrived;
    }

    /// <summary>Gives all blocks of a plan back.</summary>
    /// <param name="population">The plan.</param>
    /// <param name="status">Why.</param>
    /// <param name="there">How many pages are on the device.</param>
    /// <param name="result">What was done: nothing.</param>
    /// <returns>The same status.</returns>
    private SvmStatus GiveUp(Population population, SvmStatus status, int there, ref MigrationResult result)
    {
        for (int i = 0; i < population.Blocks; i++)
            Discard(population.Block(i));
        population.End();
        result = new MigrationResult(population.Length, there, 0, population.Length - there, 0);
        return status;
    }

    /// <summary>Looks which pages of an interval are on this device; their allocations count as used, so that room for the others is not made of them.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">Learns which.</param>
    /// <param name="workspace">Receives the entries.</param>
    /// <returns>How many; a snapshot.</returns>
    private int Look(AddressRange interval, Population population, HostWorkspace workspace)
    {
        int pages = (int)interval.Pages;
        int count = 0;
        ZoneDeviceData? last = null;
        _host.ReadEntries(interval, workspace.Entries.AsSpan(0, pages));
        for (int page = 0; page < pages; page++)
        {
            PageEntry entry = workspace.Entries[page];
            if (!entry.IsDevice || entry.IsMigrating || entry.Pagemap != Index)
                continue;
            population.IsThere[page] = true;
            count++;
            ZoneDeviceData? zoneData = _zoneData[entry.Frame.Number];
            if (zoneData is not null && !ReferenceEquals(zoneData, last))
                _allocations.Touch(zoneData.Allocation);
            last = zoneData;
        }

        return count;
    }

    /// <summary>Brings pages that are on devices of other owner groups to RAM, as far as that succeeds: what stays there is left out of the migration.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="workspace">Receives the entries.</param>
    private void BringForeignHome(AddressRange interval, HostWorkspace workspace)
    {
        int pages = (int)interval.Pages;
        _host.ReadEntries(interval, workspace.Entries.AsSpan(0, pages));
        for (int page = 0; page < pages; page++)
        {
            PageEntry entry = workspace.Entries[page];
            if (!entry.IsDevice || entry.IsMigrating || entry.Pagemap == Index || _host.OwnerOf(entry.Pagemap) == OwnerToken)
                continue;
            VirtualAddress address = interval.Start + ((long)page << PageSize.Shift);
            if (_host.MigrateHome(address, entry, MigrationCause.HostFault) == SvmStatus.Done)
                _host.ReadEntries(interval, workspace.Entries.AsSpan(0, pages)); // It has brought neighbours as well.
        }
    }

    /// <summary>Looks which missing pages are nowhere, so that a block that is mostly such can be zeroed while the migration still begins.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">Learns which.</param>
    /// <param name="workspace">Receives what the host memory says.</param>
    private void NoteHoles(AddressRange interval, Population population, HostWorkspace workspace)
    {
        int pages = (int)interval.Pages;
        if (pages < LeastClearPages || (_host.Memory.Capabilities & HostMemoryCapabilities.LazyZero) == 0
            || _host.Query(interval, workspace.Pages.AsSpan(0, pages)) != SvmStatus.Done)
            return; // Without the advice holes are zeroed one by one.
        for (int page = 0; page < pages; page++)
            population.IsHole[page] = workspace.Entries[page].IsHost && (!workspace.Pages[page].IsPresent || workspace.Pages[page].IsZero);
    }

    /// <summary>Whether most pages that a block is for are nowhere.</summary>
    /// <param name="population">Knows which are.</param>
    /// <param name="page">The first page.</param>
    /// <param name="pages">How many.</param>
    /// <returns>True if it pays to zero the block when it is taken.</returns>
    private static bool IsMostlyHoles(Population population, int page, int pages)
    {
        if (pages < LeastClearPages)
            return false;
        int holes = 0;
        for (int i = page; i < page + pages; i++)
            holes += population.IsHole[i] ? 1 : 0;
        return holes * 2 > pages;
    }
}
