// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Pagemaps;

/// <content>Copies of pages that stay in RAM, for memory that is mostly read.</content>
/// <remarks>
/// A copy is not a page: the host address space goes on knowing its page in RAM, and the frame belongs to the mapping that shows it, which gives it back when it goes. So any number of devices
/// have copies of a page, and nothing needs to be merged when they go. They are listed for eviction like pages; what evicts them is an event that takes the mappings away. Nothing is copied back.
/// </remarks>
public sealed partial class Pagemap
{
    /// <summary>Copies an interval into this device's frames, making room by evicting. On success the pages are held by the workspace's migration, nobody can write them, and the workspace
    /// holds the frames of the copies: publish them, and end with <see cref="EndCopy"/>.</summary>
    /// <param name="interval">Page aligned, inside one 2 MiB block and one mapping; every page in RAM.</param>
    /// <param name="largest">No block of frames is larger.</param>
    /// <param name="isPinned">Whether evictions take others first.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="copies">The plan; null unless done.</param>
    /// <returns><see cref="SvmStatus.Done"/>; as <see cref="Populate"/>, with nothing changed.</returns>
    /// <remarks>Locking: must hold neither Host nor deeper.</remarks>
    internal SvmStatus BeginCopy(
        AddressRange interval, PageOrder largest, bool isPinned, MigrationCause cause, HostWorkspace workspace, out Population? copies)
    {
        copies = null;
        if (!_host.TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = SvmStatus.DeviceGone;
        if (TryEnter())
        {
            status = SvmStatus.OutOfHostMemory;
            if (TryRentPopulation((int)interval.Pages) is { } population)
            {
                status = Copy(interval, population, largest, isPinned, cause, workspace);
                if (status == SvmStatus.Done)
                    copies = population;
                else
                    ReturnPopulation(population);
            }

            if (status != SvmStatus.Done)
                Leave();
        }

        if (status != SvmStatus.Done)
            _host.EndUse();
        return status;
    }

    /// <summary>Ends what <see cref="BeginCopy"/> began: the pages are the CPU's again, to be read.</summary>
    /// <param name="copies">The plan.</param>
    /// <param name="arePublished">Whether a mapping has taken the copies over; if not, their frames are given back.</param>
    /// <param name="workspace">The same.</param>
    internal void EndCopy(Population copies, bool arePublished, HostWorkspace workspace)
    {
        int pages = (int)workspace.Migration.Interval.Pages;
        workspace.Migration.CompleteShared();
        if (arePublished)
            Counters.CountCopied(pages);
        for (int i = 0; i < copies.Blocks; i++)
        {
            DeviceAllocation block = copies.Block(i);
            if (!arePublished)
                ReleaseFrames(block.First, block.Order.Pages);
            block.ZoneData.Put();
        }

        ReturnPopulation(copies);
        Leave();
        _host.EndUse();
    }

    /// <summary>Takes blocks, holds the pages, copies.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="population">Gets the plan.</param>
    /// <param name="largest">As of <see cref="BeginCopy"/>.</param>
    /// <param name="isPinned">As of <see cref="BeginCopy"/>.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As <see cref="BeginCopy"/>; unless done nothing is held and no block is taken.</returns>
    private SvmStatus Copy(AddressRange interval, Population population, PageOrder largest, bool isPinned, MigrationCause cause, HostWorkspace workspace)
    {
        var nothing = default(MigrationResult);
        int pages = (int)interval.Pages;
        population.Start = interval.Start;
        PlaceRun(interval, population, 0, pages, largest);
        if (population.Shortage != SvmStatus.Done)
            return GiveUp(population, population.Shortage, 0, ref nothing);
        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupToShare(interval, cause);
        if (status != SvmStatus.Done)
            return GiveUp(population, status == SvmStatus.MixedPlacement ? SvmStatus.Busy : status, 0, ref nothing);
        status = CopyIn(migration, population, 0, out _);
        if (status != SvmStatus.Done)
        {
            migration.CompleteShared();
            return GiveUp(population, status, 0, ref nothing);
        }

        for (int i = 0, page = 0; i < population.Blocks; i++)
        {
            DeviceAllocation block = population.Block(i);
            block.ZoneData.GetPages(block.Order.Pages); // One for each copy: whoever gives a frame back drops it.
            block.HoldsCopies = true;
            block.IsPinned = isPinned;
            _host.NoteCopies(Index, block.First, AddressRange.OfPages(interval.Start + ((long)page << PageSize.Shift), block.Order.Pages));
            for (int frame = 0; frame < block.Order.Pages; frame++)
                workspace.Frames[page++] = HmmFrame.OfCopy(Index, block.First + frame);
            _allocations.Add(block, population.StartOf(i));
        }

        return SvmStatus.Done;
    }

    /// <summary>Has the mappings of copies taken away, and with them the copies.</summary>
    /// <param name="allocation">An allocation of copies, on which the caller holds a reference.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: the first address that needs the room.</param>
    /// <returns><see cref="SvmStatus.Done"/> if none is left in it; <see cref="SvmStatus.Busy"/> if one is about to be mapped.</returns>
    private SvmStatus DropCopies(DeviceAllocation allocation, MigrationCause cause, VirtualAddress culprit)
    {
        ZoneDeviceData zoneData = allocation.ZoneData;
        for (int round = 0; round < EvictionRounds && !zoneData.IsDetached; round++)
        {
            for (int frame = allocation.First.Number, end = frame + allocation.Order.Pages; frame < end;)
            {
                int run = 0;
                while (frame + run < end && ReferenceEquals(Volatile.Read(ref _zoneData[frame + run]), zoneData)) // What was given back is others' business.
                    run++;
                if (run > 0 && _host.FindCopied(Index, new DeviceFrame(frame)) is { } page)
                {
                    AddressRange interval = AddressRange.OfPages(page, run); // A block's copies lie like their pages.
                    _host.Invalidate(new MmuEvent(interval, MmuEventKind.DropCopies, cause, Pagemap: Index));
                    _host.Events.CopiesEvicted(interval, (short)Index, cause, culprit);
                }

                frame += Math.Max(run, 1);
            }

            if (!zoneData.IsDetached)
                zoneData.WaitDetached(); // About to be published, or to be given back, or in the hands of an event.
        }

        return zoneData.IsDetached ? SvmStatus.Done : SvmStatus.Busy;
    }
}
