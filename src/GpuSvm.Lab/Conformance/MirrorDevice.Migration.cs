// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Lab.Conformance;

/// <content>Migration: to the device, back to RAM, and home because somebody touched a page.</content>
public sealed partial class MirrorDevice
{
    /// <summary>Moves pages in RAM, and pages that are nowhere, to the device, mapping by mapping.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where pages could not move (they stay where they are); <see cref="SvmStatus.NotMigratable"/> at a hole or a mapping that
    /// may not be read: what lies before it has moved. Or as <see cref="PageMigration.SetupToDevice"/>.</returns>
    public SvmStatus ToDevice(AddressRange interval) => ForEachMapping(interval, MoveToDevice, out _);

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
    /// <remarks>A page that was nowhere becomes one of zeroes. Its entry in our table does not allow writing, though its state does: the first write faults, and finds that it may.</remarks>
    private (SvmStatus Status, int Moved) MoveToDevice(AddressRange block)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        PageMigration migration = workspace.Migration;
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
                    entries[page] = CopyIn(migration, page, frame);
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
        return (status, moved);
    }

    /// <summary>Copies a collected page into a frame and says so.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="page">The page's index.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The page's entry if it arrives.</returns>
    private MirrorEntry CopyIn(PageMigration migration, int page, int frame)
    {
        bool isHole = migration.SourceOf(page) == MigrationSource.Hole;
        if (isHole)
            _frames.Bytes(frame).Clear();
        else
            _memory.DmaRead(migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), _frames.Bytes(frame));
        migration.SetDestination(page, new DeviceFrame(frame));
        return new MirrorEntry(frame, default, !isHole && migration.IsWritable(page));
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
                    _memory.DmaWrite(
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
                    status = _host.Memory.WriteProtect(AddressRange.OfPages(block.Start + ((long)page << PageSize.Shift), 1), protect: true);
            }
        }

        _host.ReturnWorkspace(workspace);
        return status;
    }
}
