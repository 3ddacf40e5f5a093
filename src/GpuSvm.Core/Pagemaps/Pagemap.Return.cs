// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Pagemaps;

/// <content>The way back to RAM.</content>
public sealed partial class Pagemap
{
    private const int EvictionRounds = 3;
    private const int MaxEmptyingFailures = 1000;

    /// <inheritdoc/>
    /// <remarks>How much comes with the page is the <see cref="Return"/> policy's to say for a CPU touch; otherwise the whole allocation comes. Where that cannot be had in
    /// one piece, for want of a huge page or because a copy failed, the page itself comes, and its neighbours in small pieces as far as they can .</remarks>
    public SvmStatus MigrateToRam(VirtualAddress address, PageEntry entry, MigrationCause cause)
    {
        using var balance = LockBalance.Begin();
        if ((uint)entry.Frame.Number >= (uint)_zoneData.Length // A stale entry, of a pagemap that had this index before.
            || Volatile.Read(ref _zoneData[entry.Frame.Number]) is not { } zoneData || !zoneData.TryGet()) // Pairs with Allocate and GiveBack.
            return SvmStatus.Retry; // The page has left meanwhile: its entry has changed.
        if (_host.TryRentWorkspace() is not { } workspace)
        {
            zoneData.Put();
            return SvmStatus.OutOfHostMemory;
        }

        DeviceAllocation allocation = zoneData.Allocation;
        InvariantRecord.Require(cause != MigrationCause.CpuFault || !IsGuaranteedNow(address, entry, allocation, workspace), "INV-34", "a CPU fault takes a page within its guaranteed time");
        AddressRange whole = address.Block(allocation.Order);
        PageOrder order = allocation.Order;
        if (cause == MigrationCause.CpuFault && order > PageOrder.Small
            && !Return.BringsWholeAllocation(_returns.FactsOf(whole.Start, order, order.Pages - zoneData.Pages)))
            order = PageOrder.Small;
        var selection = new FrameSelection(Index, allocation.First, allocation.Order.Pages);
        SvmStatus status = MoveToRam(address.Block(order), selection, cause, workspace);
        if (status is SvmStatus.OutOfHostMemory or SvmStatus.CopyFailed && order > PageOrder.Small)
        {
            status = MoveToRam(address.Block(PageOrder.Small), selection, cause, workspace);
            for (VirtualAddress at = whole.Start; status == SvmStatus.Done && at < whole.End; at = workspace.Migration.Interval.End)
            {
                if (MoveToRam(new AddressRange(at, whole.End), selection with { MayNarrow = true }, cause, workspace) is SvmStatus.OutOfHostMemory or SvmStatus.CopyFailed or SvmStatus.ProcessGone)
                    break; // The page asked for is home; the others stay where they are until they are touched.
            }
        }

        if (status == SvmStatus.Done && cause == MigrationCause.CpuFault)
            _returns.Note(whole.Start, allocation.Order);
        _host.ReturnWorkspace(workspace);
        zoneData.Put();
        return status;
    }

    /// <summary>Whether a page's stay is guaranteed at this moment, for checks.</summary>
    /// <param name="address">The page.</param>
    /// <param name="entry">Its entry as it was seen before; if it is another by now, nothing can be said.</param>
    /// <param name="allocation">Whose the frame is.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>True if so.</returns>
    private bool IsGuaranteedNow(VirtualAddress address, PageEntry entry, DeviceAllocation allocation, HostWorkspace workspace)
    {
        if (!CoreSwitches.Checks || allocation.GuaranteedUntil <= _host.Time.GetTimestamp())
            return false;
        _host.ReadEntries(AddressRange.OfPages(address, 1), workspace.Entries.AsSpan(0, 1));
        return workspace.Entries[0] == entry;
    }

    /// <summary>
    /// Pushes every page of an allocation home, found by frame: no address, mapping or range is consulted (INV-39), and guaranteed times do not count (INV-34).
    /// Kernel: drm_pagemap_evict_to_ram.
    /// </summary>
    /// <param name="allocation">An allocation on which the caller holds a reference.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <returns><see cref="SvmStatus.Done"/> only if no page is left in it; <see cref="SvmStatus.Busy"/> if others hold some; or the failure that kept one there.</returns>
    public SvmStatus EvictToRam(DeviceAllocation allocation, MigrationCause cause, VirtualAddress culprit = default)
    {
        using var balance = LockBalance.Begin();
        ZoneDeviceData zoneData = allocation.ZoneData;
        if (!_host.TryUse())
            return zoneData.IsDetached ? SvmStatus.Done : SvmStatus.ProcessGone; // Its end drops every page.
        if (allocation.HoldsCopies)
        {
            SvmStatus dropped = DropCopies(allocation, cause, culprit);
            _host.EndUse();
            return dropped;
        }

        if (_host.TryRentWorkspace() is not { } workspace)
        {
            _host.EndUse();
            return SvmStatus.OutOfHostMemory;
        }

        if (TryRentPopulation(0) is not { } population)
        {
            _host.ReturnWorkspace(workspace);
            _host.EndUse();
            return SvmStatus.OutOfHostMemory;
        }

        SvmStatus status = SvmStatus.Done;
        for (int round = 0; round < EvictionRounds && !zoneData.IsDetached; round++)
        {
            int count = 0;
            for (int frame = allocation.First.Number, end = frame + allocation.Order.Pages; frame < end; frame++)
            {
                if (ReferenceEquals(_zoneData[frame], zoneData)) // What was given back is others' business.
                    population.Victims[count++] = new DeviceFrame(frame);
            }

            SvmStatus moved = EvictFrames(population.Victims.AsSpan(0, count), cause, culprit, workspace);
            status = moved == SvmStatus.Done ? status : moved;
            if (!zoneData.IsDetached)
                zoneData.WaitDetached(); // What is left is in others' hands: their claims end soon.
        }

        ReturnPopulation(population);
        _host.ReturnWorkspace(workspace);
        _host.EndUse();
        if (zoneData.IsDetached)
            return SvmStatus.Done; // Whatever a round came to.
        return status == SvmStatus.Done ? SvmStatus.Busy : status;
    }

    /// <summary>Evicts one allocation that the <see cref="Eviction"/> policy chooses, and what the policy lets leave with it.</summary>
    /// <param name="culprit">The first address that needs the room; 0 for nobody's.</param>
    /// <returns><see cref="SvmStatus.Done"/> if one was emptied; <see cref="SvmStatus.OutOfDeviceMemory"/> if there is nothing to evict; else why the victim stayed.</returns>
    public SvmStatus EvictOne(VirtualAddress culprit = default)
    {
        if (_allocations.PickVictim() is not { } victim)
            return SvmStatus.OutOfDeviceMemory;
        PageOrder order = victim.Order;
        var widening = order < PageOrder.Huge ? Eviction as IWideningEvictionPolicy : null; // Of no interest for a whole block.
        VirtualAddress? address = _host.FindByFrame(Index, victim.First);
        SvmStatus status = EvictToRam(victim, MigrationCause.Eviction, culprit);
        if (status == SvmStatus.Done)
            Counters.CountEviction();
        _allocations.EndEviction(victim, status == SvmStatus.Done ? address : null);
        if (status == SvmStatus.Done && widening is not null && address is { } start)
            EvictNeighbours(AddressRange.OfPages(start.AlignDown(order), order.Pages), widening, culprit);
        return status;
    }

    /// <summary>Evicts what the policy lets leave with a victim. What stays all the same is evicted when its own turn comes.</summary>
    /// <param name="victim">Where the victim's pages lay.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="culprit">The first address that needs the room.</param>
    private void EvictNeighbours(AddressRange victim, IWideningEvictionPolicy policy, VirtualAddress culprit)
    {
        if (_host.TryRentWorkspace() is not { } workspace)
            return;
        AddressRange block = victim.Start.Block(PageOrder.Huge);
        Span<ulong> resident = stackalloc ulong[PageSize.PagesPerHuge / 64];
        ReadResidency(block, resident, workspace);
        var gone = new PageRegion(block.PageIndexOf(victim.Start), (int)victim.Pages);
        PageRegion region = policy.Widen(new EvictionBlockFacts(gone, PageSize.PagesPerHuge, resident));
        if (region != gone)
        {
            _ = EvictInterval(AddressRange.OfPages(block.Start + ((long)region.First << PageSize.Shift), region.Pages), MigrationCause.Eviction, workspace, out MigrationResult result, culprit);
            Counters.CountNeighbours(result.Moved);
        }

        _host.ReturnWorkspace(workspace);
    }

    /// <summary>Which pages of an interval lie on this device now.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="resident">Gets bit i for page i; cleared before.</param>
    /// <param name="workspace">Receives the entries.</param>
    internal void ReadResidency(AddressRange interval, Span<ulong> resident, HostWorkspace workspace)
    {
        resident.Clear();
        Span<PageEntry> entries = workspace.Entries.AsSpan(0, (int)interval.Pages);
        _host.ReadEntries(interval, entries);
        for (int page = 0; page < entries.Length; page++)
        {
            if (entries[page].IsDevice && entries[page].Pagemap == Index)
                resident[page >> 6] |= 1UL << (page & 63);
        }
    }

    /// <summary>Brings every page home.</summary>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why some pages stayed after many tries.</returns>
    public SvmStatus EvictAll(MigrationCause cause)
    {
        SvmStatus status = SvmStatus.Done;
        for (int failures = 0; _allocations.Count > 0 && failures < MaxEmptyingFailures;)
        {
            if (_allocations.PickVictim() is not { } victim)
            {
                failures++;
                Pause.Sleep(failures < 10 ? 0 : 1); // Others are at it.
                continue;
            }

            status = cause == MigrationCause.Unplug && Injection.ShouldFail(InjectionPoint.UnplugEvict) ? SvmStatus.Busy : EvictToRam(victim, cause);
            _allocations.EndEviction(victim);
            if (status == SvmStatus.Done && victim.ZoneData.References == 0)
                continue;
            failures++;
            if (status == SvmStatus.Done)
                Pause.Sleep(failures < 10 ? 0 : 1); // It is empty, and somebody else has it in hand who will let go in a moment.
        }

        return _allocations.Count == 0 ? SvmStatus.Done : status == SvmStatus.Done ? SvmStatus.Busy : status;
    }

    /// <summary>Brings the pages of an interval that lie on this device home; those on others stay. Kernel: drm_gpusvm_range_evict, which stops at the first hole.</summary>
    /// <param name="interval">Page aligned.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done: pages that were not here count as there already.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <returns><see cref="SvmStatus.Done"/> if none is left; else the last failure, the rest having been tried.</returns>
    public SvmStatus EvictInterval(AddressRange interval, MigrationCause cause, HostWorkspace workspace, out MigrationResult result, VirtualAddress culprit = default)
    {
        result = default;
        SvmStatus status = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            int before = CountHere(piece, workspace);
            int left = before;
            for (int round = 0; round < EvictionRounds && left > 0; round++)
            {
                SvmStatus moved = EvictPiece(piece, cause, culprit, workspace);
                status = moved == SvmStatus.Done ? status : moved;
                left = CountHere(piece, workspace);
            }

            int pages = (int)piece.Pages;
            result += new MigrationResult(pages, pages - before, Math.Max(0, before - left), Math.Min(left, before), 0);
            at = piece.End;
        }

        if (result.Left == 0)
            return SvmStatus.Done;
        return status == SvmStatus.Done ? SvmStatus.Busy : status;
    }

    /// <summary>How many pages of an interval lie on this device now.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="workspace">Receives the entries.</param>
    /// <returns>The number of pages; a snapshot.</returns>
    public int CountHere(AddressRange interval, HostWorkspace workspace)
    {
        Span<PageEntry> entries = workspace.Entries.AsSpan(0, (int)interval.Pages);
        _host.ReadEntries(interval, entries);
        int count = 0;
        foreach (PageEntry entry in entries)
            count += entry.IsDevice && entry.Pagemap == Index ? 1 : 0;
        return count;
    }

    /// <summary>Brings home what lies here of a part of one 2 MiB block, in one migration whatever allocations it is of.</summary>
    /// <param name="interval">The part.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if others hold all of them; else what failed.</returns>
    private SvmStatus EvictPiece(AddressRange interval, MigrationCause cause, VirtualAddress culprit, HostWorkspace workspace)
    {
        SvmStatus status = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; at < interval.End; at = workspace.Migration.Interval.End)
        {
            SvmStatus moved = MoveToRam(new AddressRange(at, interval.End), new FrameSelection(Index, MayNarrow: true), cause, workspace, culprit);
            status = moved == SvmStatus.Done ? status : moved;
            if (moved == SvmStatus.ProcessGone)
                break;
        }

        return status;
    }

    /// <summary>Brings home what lies in some frames, wherever its addresses are: one migration for each 2 MiB of addresses that has some of it.</summary>
    /// <param name="frames">The frames.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <param name="workspace">A rented workspace with an idle migration.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also if others hold some; else the last failure, the rest having been tried.</returns>
    private SvmStatus EvictFrames(ReadOnlySpan<DeviceFrame> frames, MigrationCause cause, VirtualAddress culprit, HostWorkspace workspace)
    {
        SvmStatus status = SvmStatus.Done;
        for (int cursor = 0; cursor < frames.Length;)
        {
            long start = Stopwatch.GetTimestamp();
            SvmStatus moved = workspace.Migration.SetupByFrames(Index, frames, ref cursor, cause);
            if (moved == SvmStatus.Done)
                moved = workspace.Migration.CollectedPages == 0 ? SvmStatus.Done : FinishToRam(workspace.Migration, cause, culprit, start);
            status = moved == SvmStatus.Done ? status : moved;
            if (moved == SvmStatus.ProcessGone)
                break;
        }

        return status;
    }

    /// <summary>Moves the pages of an interval that lie in some frames home.</summary>
    /// <param name="interval">Inside one 2 MiB block.</param>
    /// <param name="selection">Which frames, of this pagemap. Frames of a block that were given back may be of another allocation by now; a page there that lies in the interval comes along.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">A rented workspace with an idle migration.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if others hold all of them; else what failed, with the pages still here.</returns>
    private SvmStatus MoveToRam(AddressRange interval, in FrameSelection selection, MigrationCause cause, HostWorkspace workspace, VirtualAddress culprit = default)
    {
        long start = Stopwatch.GetTimestamp();
        SvmStatus status = workspace.Migration.SetupToRam(interval, selection, cause);
        if (status != SvmStatus.Done)
            return status;
        return workspace.Migration.CollectedPages == 0 ? SvmStatus.Retry : FinishToRam(workspace.Migration, cause, culprit, start);
    }

    /// <summary>Copies what a migration to RAM has claimed, completes it, and gives the frames back that pages have left.</summary>
    /// <param name="migration">The migration, set up.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <param name="start">Stopwatch ticks at which it began.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or what failed, with the pages still here.</returns>
    private SvmStatus FinishToRam(PageMigration migration, MigrationCause cause, VirtualAddress culprit, long start)
    {
        SvmStatus status = CopyOut(migration);
        if (status != SvmStatus.Done)
        {
            SvmStatus aborted = migration.Abort();
            return aborted == SvmStatus.Done ? status : aborted;
        }

        status = migration.CompleteToRam(out int arrived);
        if (arrived == 0)
            return status;
        Counters.CountToRam(arrived);
        _host.Events.Migrated(migration, SvmPlace.Ram, cause, culprit, start);
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages;)
        {
            int run = 0;
            while (page + run < pages && migration.HasArrived(page + run) && migration.SourceFrame(page + run) == migration.SourceFrame(page) + run)
                run++;
            if (run > 0)
                ReleaseFrames(migration.SourceFrame(page), run);
            page += Math.Max(run, 1);
        }

        return status;
    }
}
