// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>Pages in RAM that devices have for themselves alone.</content>
/// <remarks>
/// A device whose atomics over the bus are not atomic against the CPU's needs the page to itself. The page stays in RAM: it is taken from the CPU into a staging block,
/// which becomes a hold, and its entry names hold and owner. The owner's devices work on it there; whoever else wants it, be it the CPU, another owner, a migration, has it
/// put back first. Unmap, discard and the end of the process just forget it. Nothing is copied either way.
/// Kernel: make_device_exclusive, remove_device_exclusive_entry.
/// </remarks>
public sealed partial class HostAddressSpace
{
    private readonly ExclusiveHolds _holds = new();

    /// <summary>How many pages may be exclusive at one time: they take staging blocks. What was taken first is put back first. 16 MiB.</summary>
    public long MaxExclusivePages { get; init; } = 4096;

    /// <summary>Pages that are exclusive now.</summary>
    public long ExclusivePages => _holds.Pages;

    /// <summary>Puts every exclusive page of an interval back.</summary>
    /// <param name="interval">Page aligned, any length.</param>
    /// <returns><see cref="SvmStatus.Done"/>; the retry family if others hold some; or why a page could not be given back.</returns>
    public SvmStatus RestoreExclusive(AddressRange interval)
    {
        if (_holds.Pages == 0)
            return SvmStatus.Done;
        SvmStatus first = SvmStatus.Done;
        VirtualAddress at = interval.Start;
        while (_states.FindExclusive(new AddressRange(at, interval.End), -1, out PageEntry entry) is { } page)
        {
            AddressRange block = page.Block(PageOrder.Huge).Intersect(interval);
            SvmStatus status = entry.IsMigrating ? SvmStatus.Busy : RestoreExclusive(block, entry.Hold);
            if (status != SvmStatus.Done && first == SvmStatus.Done)
                first = status;
            at = page + PageSize.Bytes;
        }

        return first == SvmStatus.Done || _states.FindExclusive(interval, -1, out _) is null ? SvmStatus.Done : first; // What failed may have come back with its neighbours.
    }

    /// <summary>The staging block of an exclusive page, and whose page it is.</summary>
    /// <param name="entry">The page's entry; it may be stale.</param>
    /// <param name="owner">The owner; 0 if the hold is gone.</param>
    /// <returns>The block; null if the hold is gone.</returns>
    internal HostStaging? FindHold(PageEntry entry, out int owner) => _holds.Find(entry.Hold, out owner);

    /// <summary>Takes pages from the CPU for an owner's devices alone: those of the interval that are in RAM, with a page of their own, and held by nobody.</summary>
    /// <param name="interval">At most 512 pages inside 2 MiB.</param>
    /// <param name="owner">Whose devices, not 0.</param>
    /// <param name="workspace">The caller's, with an idle migration.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also if nothing could be taken; <see cref="SvmStatus.Busy"/> if pages are pinned; <see cref="SvmStatus.OutOfHostMemory"/> without staging;
    /// <see cref="SvmStatus.Retry"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.NotMigratable"/>, <see cref="SvmStatus.ProcessGone"/>.</returns>
    internal SvmStatus TakeExclusive(AddressRange interval, int owner, HostWorkspace workspace)
    {
        while (_holds.Pages + interval.Pages > Math.Max(MaxExclusivePages, interval.Pages) && RestoreOldest())
        {
        }

        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupExclusive(interval, owner);
        if (status != SvmStatus.Done || migration.CollectedPages == 0)
            return status;
        Counters.CountExclusive(migration.CompleteExclusive(_holds));
        return SvmStatus.Done;
    }

    /// <summary>Puts the hold that was made first back, as far as nobody else is at it.</summary>
    /// <returns>False if nothing came of it.</returns>
    internal bool RestoreOldest()
    {
        if (!_holds.TryFindOldest(out int hold, out HostStaging? staging))
            return false;
        long before = _holds.Pages;
        bool isAny = RestoreExclusive(staging!.Interval, hold) == SvmStatus.Done && _holds.Pages < before;

        // Pages that have moved to other addresses meanwhile.
        VirtualAddress at = default;
        while (ReferenceEquals(_holds.Find(hold, out _), staging) && _states.FindExclusive(new AddressRange(at, _everything.End), hold, out PageEntry entry) is { } page)
        {
            isAny |= !entry.IsMigrating && RestoreExclusive(page.Block(PageOrder.Huge), hold) == SvmStatus.Done;
            at = page + PageSize.Bytes;
        }

        return isAny;
    }

    /// <summary>Puts pages of one hold back.</summary>
    /// <param name="interval">Which, inside 2 MiB.</param>
    /// <param name="hold">The hold.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if others hold them all; or why the memory did not take them.</returns>
    internal SvmStatus RestoreExclusive(AddressRange interval, int hold)
    {
        if (TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupRestore(interval, hold);
        if (status == SvmStatus.Done)
        {
            status = SvmStatus.Retry;
            if (migration.CollectedPages > 0)
            {
                status = migration.CompleteRestore(_holds, out int restored);
                Counters.CountRestored(restored);
            }
        }

        ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Pages have left a hold without being given back.</summary>
    /// <param name="hold">The hold.</param>
    /// <param name="pages">How many.</param>
    internal void ReleaseHold(int hold, int pages)
    {
        if (_holds.Remove(hold, pages) is { } staging)
            Memory.ReleaseStaging(staging);
    }
}
