// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <content>Migration: to the device, back to RAM, and home because somebody touched a page.</content>
public sealed partial class MirrorDevice
{
    /// <summary>Moves pages in RAM, and pages that are nowhere, to the device, mapping by mapping.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="moved">How many moved.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where pages could not move (they stay where they are); <see cref="SvmStatus.NotMigratable"/> at a hole or a mapping that
    /// may not be read: what lies before it has moved. Or as <see cref="PageMigration.SetupToDevice"/>.</returns>
    public SvmStatus ToDevice(AddressRange interval, out int moved) => ForEachMapping(interval, MoveToDevice, out moved);

    /// <summary>Moves pages of this device back to RAM, mapping by mapping.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="moved">How many moved.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMigratable"/> as for <see cref="ToDevice"/>. Or as <see cref="PageMigration.CompleteToRam"/>.</returns>
    public SvmStatus ToSystem(AddressRange interval, out int moved) => ForEachMapping(interval, MoveToSystem, out moved);

    /// <inheritdoc/>
    public SvmStatus MigrateToRam(VirtualAddress address, PageEntry entry, MigrationCause cause) =>
        MoveHome(AddressRange.OfPages(address, 1), entry.Frame, 1, cause, out _);

    /// <inheritdoc/>
    public void ReleaseFrames(DeviceFrame first, int pages)
    {
        for (int page = 0; page < pages; page++)
            _frames.Free(first.Number + page);
    }

    /// <inheritdoc/>
    /// <remarks>Nobody else reaches this device's memory.</remarks>
    public SvmStatus MapFor(IGpuDevice device, DeviceFrame frame, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        return SvmStatus.NotSupported;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Always: nothing was mapped.</exception>
    public void UnmapFor(IGpuDevice device, DeviceAddress address) =>
        throw new InvalidOperationException("A mirror device maps its memory for nobody.");

    /// <summary>Walks the mappings of an interval, announces a migration of each part, and does it.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="move">Moves pages of one 2 MiB block and says how many moved.</param>
    /// <param name="moved">How many moved.</param>
    /// <returns>As <see cref="ToDevice"/>.</returns>
    /// <remarks>The announcement comes first and covers the whole part, moved or not: peers lose their entries for it (kernel: migrate_vma_collect).</remarks>
    private SvmStatus ForEachMapping(AddressRange interval, Func<AddressRange, (SvmStatus Status, int Moved)> move, out int moved)
    {
        moved = 0;
        _host.Memory.NoticeChanges(interval);
        VirtualAddress at = interval.Start;
        while (at < interval.End)
        {
            if (!_host.TryFindMapping(at, out HostMapping mapping) || !mapping.Interval.Contains(at) || !mapping.IsReadable)
                return SvmStatus.NotMigratable;
            AddressRange part = interval.Intersect(mapping.Interval);
            _host.Invalidate(new MmuEvent(part, MmuEventKind.Migrate, MigrationCause.Prefetch, OwnerToken));
            while (at < part.End)
            {
                AddressRange block = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, part.End));
                (SvmStatus status, int count) = move(block);
                moved += count;
                if (status != SvmStatus.Done)
                    return status;
                at = block.End;
            }
        }

        return SvmStatus.Done;
    }

    /// <summary>Moves pages of one block to the device and stores their entries.</summary>
    /// <param name="block">The pages, of one mapping.</param>
    /// <returns>As <see cref="PageMigration.SetupToDevice"/>, and how many moved.</returns>
    /// <remarks>A page that was nowhere, or the page of zeroes, becomes one of zeroes. Its entry in our table does not allow writing, though its state does: the first write faults, and finds that it may.</remarks>
    private (SvmStatus Status, int Moved) MoveToDevice(AddressRange block)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        PageMigration migration = workspace.Migration;
        bool[] isZero = FindZeroPages(block, workspace);
        var selection = new MigrationSelection(System: true, Target: _pagemap, ExactRights: true, Owner: OwnerToken);
        SvmStatus status = migration.SetupToDevice(block, selection, MigrationCause.Prefetch);
        int moved = 0;
        if (status == SvmStatus.Done && migration.CollectedPages > 0)
        {
            int pages = (int)block.Pages;
            var entries = new MirrorEntry?[pages];
            for (int page = 0; page < pages; page++)
            {
                if (migration.IsCollected(page) && _frames.TryAllocate(out int frame))
                    entries[page] = CopyIn(migration, page, frame, isZero[page]);
            }

            moved = migration.CompleteToDevice(_pagemap);
            using (_lock.Enter())
            {
                for (int page = 0; page < pages; page++)
                {
                    if (entries[page] is { } entry && migration.HasArrived(page))
                        _table[block.Start.PageNumber + (ulong)page] = entry;
                    else if (entries[page] is { } unused)
                        _frames.Free(unused.Frame);
                }
            }
        }

        _host.ReturnWorkspace(workspace);
        bool isLeft = status is SvmStatus.Busy or SvmStatus.Unmapped; // Pinned, or the system takes no page of such a mapping away: they stay.
        return (isLeft ? SvmStatus.Done : status, moved);
    }

    /// <summary>Copies a collected page into a frame and says so.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="page">The page's index.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="isZero">Whether it was the page of zeroes.</param>
    /// <returns>The page's entry if it arrives.</returns>
    private MirrorEntry CopyIn(PageMigration migration, int page, int frame, bool isZero)
    {
        bool isHole = migration.SourceOf(page) == MigrationSource.Hole;
        if (isHole)
            _frames.Bytes(frame).Clear();
        else
            _staging.Read(migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), _frames.Bytes(frame));
        migration.SetDestination(page, new DeviceFrame(frame));
        return new MirrorEntry(frame, default, !isHole && !isZero && migration.IsWritable(page));
    }

    /// <summary>Finds out which pages are the page of zeroes, before they move: some memories hand it over like any other page.</summary>
    /// <param name="block">The pages.</param>
    /// <param name="workspace">Scratch.</param>
    /// <returns>One answer a page; a page that changes meanwhile costs or saves a fault.</returns>
    private bool[] FindZeroPages(AddressRange block, HostWorkspace workspace)
    {
        var isZero = new bool[block.Pages];
        bool isKnown = HmmRange.Snapshot(_host, block, OwnerToken, workspace) == SvmStatus.Done;
        for (int page = 0; page < isZero.Length && isKnown; page++)
            isZero[page] = workspace.Frames[page].IsZero;
        return isZero;
    }

    /// <summary>Moves pages of one block that are on this device home.</summary>
    /// <param name="block">The pages.</param>
    /// <returns>As <see cref="MoveHome"/>, and how many moved.</returns>
    private (SvmStatus Status, int Moved) MoveToSystem(AddressRange block)
    {
        SvmStatus status = MoveHome(block, new DeviceFrame(0), _frames.Frames, MigrationCause.Prefetch, out int moved);
        return (status, moved);
    }

    /// <summary>Moves pages that lie in given frames home. One that the device could not write stays write-protected for the CPU, until its first write.</summary>
    /// <param name="block">The pages, in one 2 MiB block.</param>
    /// <param name="first">The first frame.</param>
    /// <param name="frames">How many frames.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="moved">How many came home.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why pages are still on the device.</returns>
    private SvmStatus MoveHome(AddressRange block, DeviceFrame first, int frames, MigrationCause cause, out int moved)
    {
        moved = 0;
        HostWorkspace workspace = _host.RentWorkspace();
        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupToRam(block, _pagemap, first, frames, cause, OwnerToken);
        if (status == SvmStatus.Done && migration.CollectedPages > 0)
        {
            int pages = (int)block.Pages;
            var collected = new PageEntry?[pages];
            using (_lock.Enter())
            {
                for (int page = 0; page < pages; page++)
                {
                    if (!migration.IsCollected(page))
                        continue;
                    collected[page] = migration.SourceEntry(page);
                    _table.Remove(block.Start.PageNumber + (ulong)page);
                    _staging.Write(
                        migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), _frames.Bytes(migration.SourceFrame(page).Number));
                }
            }

            status = migration.CompleteToRam(out moved);
            for (int page = 0; page < pages; page++)
            {
                if (collected[page] is not { } entry || !migration.HasArrived(page))
                    continue;
                _frames.Free(entry.Frame.Number);
                if (status == SvmStatus.Done && !entry.IsWritable)
                    status = Protect(AddressRange.OfPages(block.Start + ((long)page << PageSize.Shift), 1));
            }
        }

        _host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Takes the CPU's right to write a page away.</summary>
    /// <param name="page">A page that has just come home; it may be gone by now.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where it is gone; otherwise as <see cref="IHostMemory.WriteProtect"/>.</returns>
    private SvmStatus Protect(AddressRange page)
    {
        var budget = new RetryBudget(_host.Time, FaultMilliseconds);
        SvmStatus status;
        do
        {
            status = _host.Memory.WriteProtect(page, protect: true);
        }
        while (status.IsRetry() && budget.TrySpend());
        return status == SvmStatus.NotMapped ? SvmStatus.Done : status;
    }
}
