// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <content>The way to the device.</content>
public sealed partial class Pagemap
{
    private const int MaxEvictions = 4096;
    private const int MaxFailedEvictions = 16;
    private const int EvictionsForOnePiece = 4; // With none a device that is full is soon all in pieces, and each costs an eviction of its own: bfs, 1.5 times as many.
    private const int MuchRoom = 4; // So many times what is asked for is free, and not in one piece: evicting is not what helps.

    /// <summary>
    /// Makes pages of an interval live on this device: those that are here stay and count, those in RAM and those that are nowhere come, and so do those on peers
    /// of the owner group, by the peer's engine; pages of other devices go to RAM first. Makes room by evicting. Kernel: drm_pagemap_populate_mm.
    /// </summary>
    /// <param name="interval">Page aligned, inside one mapping. Each 2 MiB of it is one migration, with one event.</param>
    /// <param name="details">How. With all or nothing each 2 MiB of the interval must be a whole aligned block of 2^order pages.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done, also where it failed.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/> only if every page is here. Otherwise, the rest having been tried, the first of: <see cref="SvmStatus.Busy"/>: others hold pages, or, with all or
    /// nothing, some are here and may not move within the device. <see cref="SvmStatus.Retry"/>: the host memory has events pending. <see cref="SvmStatus.OutOfDeviceMemory"/>: no room,
    /// and nothing to evict. <see cref="SvmStatus.OutOfHostMemory"/>: no staging. <see cref="SvmStatus.CopyFailed"/>; <see cref="SvmStatus.DeviceGone"/>; <see cref="SvmStatus.NotMapped"/>;
    /// <see cref="SvmStatus.NotMigratable"/>; <see cref="SvmStatus.ProcessGone"/>. Every page that did not come keeps its bytes, where it was or in RAM, and no frame is lost (INV-35).
    /// </returns>
    /// <remarks>Locking: must hold neither Host nor deeper.</remarks>
    public SvmStatus Populate(AddressRange interval, in MigrationDetails details, MigrationCause cause, HostWorkspace workspace, out MigrationResult result)
    {
        using var balance = LockBalance.Begin();
        result = default;
        SvmStatus first = SvmStatus.Done;
        MigrationDetails missing = details with { CanMigrateSamePagemap = false }; // What comes in parts becomes no whole: moving what is here would be all that a part does.
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            SvmStatus status = PopulatePiece(piece, details, cause, workspace, out MigrationResult part, out bool isNarrowed);
            int came = part.Moved;
            bool goesOn = isNarrowed && (part.Moved > 0 || details.CanMigrateSamePagemap);
            while (goesOn)
            {
                if (came >= (int)piece.Pages)
                {
                    status = SvmStatus.OutOfDeviceMemory; // What comes takes the place of what came before: it does not fit.
                    break;
                }

                int moved = part.Moved; // Staging was short: as long as something comes, the rest is worth a try.
                status = PopulatePiece(piece, missing, cause, workspace, out part, out isNarrowed);
                came += part.Moved;
                goesOn = isNarrowed && part.Moved > 0;
                part = part with { AlreadyThere = Math.Max(0, part.AlreadyThere - moved), Moved = part.Moved + Math.Min(moved, part.AlreadyThere) };
            }

            first = first == SvmStatus.Done ? status : first;
            result += part;
            at = piece.End;
        }

        return first;
    }

    /// <summary>Moves an interval into one block, all of it or nothing. Kernel: drm_pagemap_migrate_to_devmem.</summary>
    /// <param name="allocation">From <see cref="Allocate"/>, of the interval's order; this call consumes its reference, whatever the outcome.</param>
    /// <param name="interval">2^order pages, aligned to it.</param>
    /// <param name="details">How; all or nothing whatever it says.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done.</param>
    /// <returns>As <see cref="Populate"/>. <see cref="SvmStatus.Done"/> also if all pages were here before; then the block is given back and no guaranteed time begins.</returns>
    public SvmStatus MigrateToDevice(
        DeviceAllocation allocation, AddressRange interval, in MigrationDetails details, MigrationCause cause, HostWorkspace workspace, out MigrationResult result)
    {
        using var balance = LockBalance.Begin();
        result = new MigrationResult((int)interval.Pages, 0, 0, (int)interval.Pages, 0);
        if (TryRentPopulation((int)interval.Pages) is not { } population)
        {
            Discard(allocation);
            return SvmStatus.OutOfHostMemory;
        }

        population.Start = interval.Start;
        population.Add(allocation, 0);
        SvmStatus status = SvmStatus.DeviceGone;
        if (TryEnter())
        {
            int there = Look(interval, population, workspace);
            if (there == (int)interval.Pages)
                status = GiveUp(population, SvmStatus.Done, there, ref result);
            else if (there > 0 && !details.CanMigrateSamePagemap)
                status = GiveUp(population, SvmStatus.Busy, there, ref result);
            else
                status = Move(interval, population, details with { AllOrNothing = true }, cause, workspace, ref result);
            Leave();
        }
        else
        {
            status = GiveUp(population, status, 0, ref result);
        }

        ReturnPopulation(population);
        return status;
    }

    /// <summary>Populates a part of one 2 MiB block.</summary>
    /// <param name="interval">The part.</param>
    /// <param name="details">How.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done.</param>
    /// <param name="isNarrowed">Whether staging was short and the rest may come in another migration.</param>
    /// <returns>As <see cref="Populate"/>.</returns>
    private SvmStatus PopulatePiece(
        AddressRange interval, in MigrationDetails details, MigrationCause cause, HostWorkspace workspace, out MigrationResult result, out bool isNarrowed)
    {
        isNarrowed = false;
        int pages = (int)interval.Pages;
        result = new MigrationResult(pages, 0, 0, pages, 0);
        if (!_host.TryUse())
            return SvmStatus.ProcessGone;
        if (!TryEnter())
        {
            _host.EndUse();
            return SvmStatus.DeviceGone;
        }

        if (TryRentPopulation(pages) is not { } population)
        {
            Leave();
            _host.EndUse();
            return SvmStatus.OutOfHostMemory;
        }

        population.Start = interval.Start;
        BringForeignHome(interval, workspace);
        int there = Look(interval, population, workspace);
        SvmStatus status;
        if (there == pages)
            status = GiveUp(population, SvmStatus.Done, there, ref result);
        else if (details.AllOrNothing && there > 0 && !details.CanMigrateSamePagemap)
            status = GiveUp(population, SvmStatus.Busy, there, ref result);
        else
            status = PopulateMissing(interval, population, there, details, cause, workspace, ref result);
        isNarrowed = population.IsNarrowed;
        ReturnPopulation(population);
        Leave();
        _host.EndUse();
        return status;
    }

    /// <summary>Takes blocks for what is missing, and moves it.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">Knows what is there.</param>
    /// <param name="there">How many pages are.</param>
    /// <param name="details">How.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done.</param>
    /// <returns>As <see cref="Populate"/>.</returns>
    private SvmStatus PopulateMissing(
        AddressRange interval, Population population, int there, in MigrationDetails details, MigrationCause cause, HostWorkspace workspace, ref MigrationResult result)
    {
        NoteHoles(interval, population, workspace);
        PageOrder largest = details.LargestBlock ?? PageOrder.Huge;
        bool isOneBlock = BitOperations.IsPow2(interval.Pages) && interval.Pages <= largest.Pages && interval.Start.IsAligned(PageOrder.FloorOf(interval.Pages));
        if (details.AllOrNothing || (there > 0 && details.CanMigrateSamePagemap && isOneBlock))
        {
            // One block for all, so that the interval becomes whole. Without need nobody is evicted for that.
            var order = PageOrder.FloorOf(interval.Pages);
            SvmStatus status = details.AllOrNothing
                ? AllocateWithRoom(order, IsMostlyHoles(population, 0, order.Pages), mayCut: false, interval.Start, out DeviceAllocation? whole)
                : Allocate(order, IsMostlyHoles(population, 0, order.Pages), out whole);
            if (status == SvmStatus.Done)
            {
                population.Add(whole!, 0);
                return Move(interval, population, details, cause, workspace, ref result);
            }

            if (details.AllOrNothing)
                return GiveUp(population, status, there, ref result);
        }

        int first = 0;
        int last = (int)interval.Pages;
        while (population.IsThere[first])
            first++;
        while (population.IsThere[last - 1])
            last--;
        for (int page = first; page < last;)
        {
            int end = page;
            while (end < last && !population.IsThere[end])
                end++;
            PlaceRun(interval, population, page, end, largest);
            page = Math.Max(end, page + 1);
        }

        return population.Blocks == 0
            ? GiveUp(population, population.Shortage, there, ref result)
            : Move(interval, population, details with { CanMigrateSamePagemap = false }, cause, workspace, ref result);
    }

    /// <summary>Takes blocks for a run of missing pages, the largest that are aligned like the pages.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">Gets the blocks.</param>
    /// <param name="page">The run's first page.</param>
    /// <param name="end">The page after its last.</param>
    /// <param name="largest">No block is larger.</param>
    private void PlaceRun(AddressRange interval, Population population, int page, int end, PageOrder largest)
    {
        while (page < end && population.Shortage == SvmStatus.Done)
        {
            int aligned = BitOperations.TrailingZeroCount(interval.Start.PageNumber + (ulong)page | (1UL << Math.Min(largest.Value, PageOrder.Huge.Value)));
            var order = new PageOrder((byte)Math.Min(aligned, BitOperations.Log2((uint)(end - page))));
            PlaceBlock(population, page, order);
            page += order.Pages;
        }
    }

    /// <summary>Takes one block for pages in a row, or halves and their halves where there is no such block: at most 9 deep.</summary>
    /// <param name="population">Gets the blocks.</param>
    /// <param name="page">The first page.</param>
    /// <param name="order">How many.</param>
    private void PlaceBlock(Population population, int page, PageOrder order)
    {
        if (population.Shortage != SvmStatus.Done)
            return;
        SvmStatus status = AllocateWithRoom(
            order, IsMostlyHoles(population, page, order.Pages), mayCut: order.Value > 0, population.Start + ((long)page << PageSize.Shift), out DeviceAllocation? allocation);
        if (status == SvmStatus.Done)
        {
            population.Add(allocation!, page);
        }
        else if (status == SvmStatus.OutOfDeviceMemory && order.Value > 0)
        {
            var half = new PageOrder((byte)(order.Value - 1));
            PlaceBlock(population, page, half);
            PlaceBlock(population, page + half.Pages, half);
        }
        else
        {
            population.Shortage = status;
        }
    }

    /// <summary>Has another pagemap of the device evict, if this one has less than it has reserved.</summary>
    /// <param name="culprit">The first address that needs the room.</param>
    /// <returns>Whether something was evicted.</returns>
    private bool TryEvictOther(VirtualAddress culprit)
    {
        if (_shares.PickOther(this) is not { } other)
            return false;
        SvmStatus status = other.EvictOne(culprit);
        other.Put();
        return status == SvmStatus.Done;
    }

    /// <summary>Takes a block of device memory, evicting others until one is free.</summary>
    /// <param name="order">The block's order.</param>
    /// <param name="clear">As <see cref="Allocate"/>.</param>
    /// <param name="mayCut">Whether smaller blocks will do: then few are evicted while there is room enough in pieces.</param>
    /// <param name="culprit">The first address that the block is for: what events of evictions say.</param>
    /// <param name="allocation">The allocation.</param>
    /// <returns>As <see cref="Allocate"/>.</returns>
    private SvmStatus AllocateWithRoom(PageOrder order, bool clear, bool mayCut, VirtualAddress culprit, out DeviceAllocation? allocation)
    {
        int failures = 0;
        SvmStatus status = Allocate(order, clear, out allocation);
        if (status == SvmStatus.OutOfDeviceMemory && Device.Memory.FreePages >= order.Pages)
            status = Allocate(order, clear, out allocation); // Before anybody is evicted for it: room that just came free may be in one piece.
        for (int evictions = 0; status == SvmStatus.OutOfDeviceMemory && evictions < MaxEvictions && failures < MaxFailedEvictions; evictions++)
        {
            if (mayCut && Device.Memory.FreePages >= order.Pages && (evictions >= EvictionsForOnePiece || Device.Memory.FreePages >= order.Pages * MuchRoom))
                return status;
            SvmStatus evicted = EvictOne(culprit);
            failures += evicted == SvmStatus.Done ? 0 : 1;
            status = Allocate(order, clear, out allocation); // Also with nothing to evict: the last block may have come free just now.
            if (evicted == SvmStatus.OutOfDeviceMemory && (status == SvmStatus.Done || !TryEvictOther(culprit)))
                return status;
            if (evicted == SvmStatus.OutOfDeviceMemory)
                status = Allocate(order, clear, out allocation);
        }

        return status;
    }
}
