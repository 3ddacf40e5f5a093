// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Brings pages where they will be needed, before they are. Honest: says what was there, what moved and what did not. Kernel: xe_svm's prefetch.</summary>
internal sealed class Prefetcher(GpuVm vm)
{
    private const int MaxAttempts = 64;

    /// <summary>Prefetches an interval, piece by piece.</summary>
    /// <param name="interval">Page aligned, inside mappings.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <param name="result">What was done.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus Prefetch(AddressRange interval, PrefetchTarget target, VmDevice device, out PrefetchResult result)
    {
        result = new PrefetchResult(0, 0, 0, 0);
        if (vm.Host.TryRentWorkspace() is not { } workspace)
        {
            result = Account(interval.Bytes, 0, 0);
            return SvmStatus.OutOfHostMemory;
        }

        SvmStatus first = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            SvmStatus status = PrefetchPiece(piece, target, device, workspace, out PrefetchResult part);
            first = first == SvmStatus.Done ? status : first;
            result += part;
            at = piece.End;
        }

        vm.Host.ReturnWorkspace(workspace);
        Tell(interval, target, device, first);
        return first;
    }

    /// <summary>Records a prefetch that was asked for.</summary>
    /// <param name="interval">What was to come.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <param name="status">What became of it.</param>
    public void Tell(AddressRange interval, PrefetchTarget target, VmDevice device, SvmStatus status) =>
        vm.Host.Events.Prefetch(interval, GpuVm.DestinationOf(target, device), MigrationCause.Prefetch, status);

    /// <summary>Prefetches a part of one 2 MiB block: one migration for all of its ranges that move, then one binding for each.</summary>
    /// <param name="piece">Page aligned, inside one aligned block of 2 MiB.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="result">What was done.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus PrefetchPiece(AddressRange piece, PrefetchTarget target, VmDevice device, HostWorkspace workspace, out PrefetchResult result)
    {
        vm.Host.NoticeChanges(piece);
        long before = CountThere(piece, target, device, workspace);
        SvmStatus status = before == piece.Bytes && target == PrefetchTarget.System ? SvmStatus.Done
            : target == PrefetchTarget.System ? vm.Host.MigrateHome(piece, MigrationCause.Prefetch)
            : SvmStatus.Retry;
        for (int attempt = 0; target == PrefetchTarget.Device && attempt < MaxAttempts && (status.IsRetry() || status == SvmStatus.Unmapped); attempt++)
        {
            if (attempt > 8)
                Pause.Sleep(1);
            vm.Collect();
            using (vm.Lock.EnterRead())
                status = device.Device.IsUnplugged ? SvmStatus.DeviceGone : ToDevice(piece, device, workspace); // Looked at inside.
        }

        result = Account(piece.Bytes, before, CountThere(piece, target, device, workspace));
        return status == SvmStatus.Unmapped ? SvmStatus.Busy : status;
    }

    /// <summary>One try to bring a part of a 2 MiB block to a device and bind it there. Neighbouring ranges of the same advice travel in one migration.</summary>
    /// <param name="piece">The part.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>The first failure, the rest having been tried; <see cref="SvmStatus.Done"/> if there was none.</returns>
    /// <remarks>Locking: Vm held, so no range of the piece can be removed meanwhile.</remarks>
    private SvmStatus ToDevice(AddressRange piece, VmDevice device, HostWorkspace workspace)
    {
        SvmStatus first = SvmStatus.Done;
        var run = new AddressRange(piece.Start, piece.Start);
        MemoryAdvice runAdvice = default;
        for (VirtualAddress at = piece.Start; at < piece.End;)
        {
            MemoryAdvice advice = vm.Attributes.FindLocked(at);
            SvmStatus status = Find(at, piece, device, MigrationCause.Prefetch, advice, out AddressRange found, out bool isWanted);
            if (!isWanted || found.Start != run.End || advice != runAdvice)
            {
                SvmStatus moved = MoveAndBind(run, device, MigrationCause.Prefetch, runAdvice, workspace, out _);
                first = first == SvmStatus.Done ? moved : first;
                run = new AddressRange(found.Start, found.Start);
                runAdvice = advice;
            }

            run = new AddressRange(isWanted ? run.Start : found.End, found.End);
            first = first == SvmStatus.Done ? status : first;
            at = found.End;
        }

        SvmStatus last = MoveAndBind(run, device, MigrationCause.Prefetch, runAdvice, workspace, out _);
        return first == SvmStatus.Done ? last : first;
    }

    /// <summary>The range at an address, made if need be, and whether it is to come along.</summary>
    /// <param name="address">The address.</param>
    /// <param name="piece">What is prefetched: a range that is made for it reaches beyond it by less than 64 KiB.</param>
    /// <param name="device">The device.</param>
    /// <param name="cause">A prefetch that was asked for, or one that follows a fault: then only what a fault of the device would bring is wanted.</param>
    /// <param name="advice">What the program has advised of the address.</param>
    /// <param name="found">The range's interval; where there is no mapping, the hole as far as it is in the piece; else the page.</param>
    /// <param name="isWanted">Whether it is to be moved.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMigratable"/> for what was asked for and may not move; as <see cref="Svm.SvmMirror.FindOrInsert"/>.</returns>
    public SvmStatus Find(
        VirtualAddress address, AddressRange piece, VmDevice device, MigrationCause cause, MemoryAdvice advice, out AddressRange found, out bool isWanted)
    {
        isWanted = false;
        found = AddressRange.OfPages(address, 1);
        if (vm.FindWindow(address) is not { Userptr: null } window)
            return SvmStatus.NotMapped;
        long fits = cause == MigrationCause.Prefetch && !piece.Contains(address.Block(PageOrder.Huge)) ? PageOrder.Medium.Bytes : 0;
        SvmStatus status = vm.Mirror.FindOrInsert(address, vm.AdvisedAlike(address, window), vm.ContextFor(device, advice, fits), out SvmRange? range);
        if (status == SvmStatus.NotMapped && vm.Host.TryFindMapping(address, out HostMapping mapping))
            found = new AddressRange(address, mapping.Interval.Start > address && mapping.Interval.Start < piece.End ? mapping.Interval.Start : piece.End);
        if (status != SvmStatus.Done)
            return status;
        found = range!.Interval;
        if (cause == MigrationCause.Prefetch)
            status = !range.IsMigratable || advice.NeverMigrate ? SvmStatus.NotMigratable : SvmStatus.Done;
        isWanted = status == SvmStatus.Done && (cause == MigrationCause.Prefetch || vm.ComesAlong((GpuRange)range, device, advice));
        range.Put();
        return status;
    }

    /// <summary>Moves a run of ranges to the device, and binds each.</summary>
    /// <param name="run">Whole ranges; may be empty.</param>
    /// <param name="device">The device.</param>
    /// <param name="cause">As in <see cref="Find"/>, or <see cref="MigrationCause.AccessCounter"/>.</param>
    /// <param name="advice">What is advised of all of them.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="moved">How many pages came.</param>
    /// <returns>The first failure; what was not moved is not bound.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    public SvmStatus MoveAndBind(AddressRange run, VmDevice device, MigrationCause cause, MemoryAdvice advice, HostWorkspace workspace, out int moved)
    {
        moved = 0;
        if (run.IsEmpty)
            return SvmStatus.Done;
        bool copies = vm.Duplicator.IsWanted(advice);
        SvmStatus status = copies ? CopyAndBind(run, device, cause, advice, workspace, out moved) : Move(run, device, cause, advice, workspace, out moved);
        if (cause == MigrationCause.GpuFault && moved > 0)
        {
            vm.Counters.CountPrefetched(moved);
            vm.Host.Events.Prefetch(run, device.Pagemap.Index, cause, status);
        }

        return copies || status != SvmStatus.Done ? status : BindAll(run, device, advice, workspace);
    }

    /// <summary>Binds all ranges of a run whose pages have come.</summary>
    /// <param name="run">Whole ranges.</param>
    /// <param name="device">The device.</param>
    /// <param name="advice">What is advised of all of them.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>The first failure, the rest having been tried.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    public SvmStatus BindAll(AddressRange run, VmDevice device, MemoryAdvice advice, HostWorkspace workspace)
    {
        SvmStatus status = SvmStatus.Done;
        for (SvmRange? range = vm.Mirror.FirstRange(run); range is not null; range = vm.Mirror.NextRange(range, run))
        {
            SvmStatus bound = Bind((GpuRange)range, device, advice, workspace);
            status = status == SvmStatus.Done ? bound : status;
        }

        return status;
    }

    /// <summary>Moves a run of ranges to the device, mapping by mapping: ranges lie inside one, and neighbours may lie in two.</summary>
    /// <param name="run">Whole ranges.</param>
    /// <param name="device">The device.</param>
    /// <param name="cause">As in <see cref="MoveAndBind"/>.</param>
    /// <param name="advice">What is advised of all of them.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="moved">How many pages came.</param>
    /// <returns>The first failure, the rest having been tried.</returns>
    private SvmStatus Move(AddressRange run, VmDevice device, MigrationCause cause, MemoryAdvice advice, HostWorkspace workspace, out int moved)
    {
        moved = 0;
        SvmStatus first = SvmStatus.Done;
        for (VirtualAddress at = run.Start; at < run.End;)
        {
            bool isMapped = vm.Host.TryFindMapping(at, out HostMapping mapping) && mapping.Interval.Contains(at);
            AddressRange part = new AddressRange(at, run.End).Intersect(isMapped ? mapping.Interval : AddressRange.OfPages(at, 1)); // Gone since: the migration says so.
            SvmStatus status = device.Migrator.Migrate(part, cause, advice.IsPinned, vm.LargestBlock(advice), workspace, out int came);
            moved += came;
            first = first == SvmStatus.Done ? status : first;
            at = part.End;
        }

        return first;
    }

    /// <summary>Gives the device copies of a run of ranges that are mostly read, and binds each.</summary>
    /// <param name="run">Whole ranges.</param>
    /// <param name="device">The device.</param>
    /// <param name="cause">As in <see cref="Find"/>.</param>
    /// <param name="advice">What is advised of all of them.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="copied">How many pages were copied.</param>
    /// <returns>The first failure, the rest having been tried; what could not be copied is not bound.</returns>
    private SvmStatus CopyAndBind(AddressRange run, VmDevice device, MigrationCause cause, MemoryAdvice advice, HostWorkspace workspace, out int copied)
    {
        copied = 0;
        SvmStatus first = SvmStatus.Done;
        for (SvmRange? range = vm.Mirror.FirstRange(run); range is not null; range = vm.Mirror.NextRange(range, run))
        {
            SvmStatus status = SvmStatus.OutOfHostMemory;
            using (vm.RangeLocks.Enter(range))
            {
                if (vm.TryPagesFor((GpuRange)range, device.Index) is { } pages)
                {
                    status = vm.Duplicator.Duplicate((GpuRange)range, pages, device, advice, cause, workspace, out int pagesCopied);
                    copied += pagesCopied;
                    status = AfterCut((GpuRange)range, status);
                    if (status == SvmStatus.Done)
                        status = device.Binder.Bind(range.Notifier, pages, range.Interval.Start, range.Interval.Pages);
                }
            }

            if (status == SvmStatus.MixedPlacement)
                status = Bind((GpuRange)range, device, advice, workspace); // On the device already.
            first = first == SvmStatus.Done ? status : first;
        }

        return first;
    }

    /// <summary>Binds a range whose pages have come.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">The device.</param>
    /// <param name="advice">What is advised of it.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As of getting and binding pages.</returns>
    private SvmStatus Bind(GpuRange range, VmDevice device, MemoryAdvice advice, HostWorkspace workspace)
    {
        using (vm.RangeLocks.Enter(range))
        {
            if (vm.TryPagesFor(range, device.Index) is not { } pages)
                return SvmStatus.OutOfHostMemory;
            if (vm.FaultHandler.IsBoundFor(range, pages, MemoryAccess.Write))
                return SvmStatus.Done;
            SvmStatus status = pages.Get(vm.Host, range.Notifier, range.Interval, vm.ContextFor(device, advice), workspace);
            return status == SvmStatus.Done ? device.Binder.Bind(range.Notifier, pages, range.Interval.Start, range.Interval.Pages) : AfterCut(range, status);
        }
    }

    /// <summary>What a failure comes to where the mapping has been cut since the range was made: smaller ranges may do.</summary>
    /// <param name="range">The range.</param>
    /// <param name="status">What bringing or getting its pages came to.</param>
    /// <returns><see cref="SvmStatus.Retry"/> if that is so; else the status: a prefetch says what it met.</returns>
    private SvmStatus AfterCut(GpuRange range, SvmStatus status) =>
        status is SvmStatus.NotMapped or SvmStatus.ReadOnly && vm.RetireIfCut(range) ? SvmStatus.Retry : status;

    /// <summary>Bytes of a piece that are where a prefetch is to bring them.</summary>
    /// <param name="piece">Inside one block of 2 MiB.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <param name="workspace">Scratch.</param>
    /// <returns>Bytes; a snapshot.</returns>
    private long CountThere(AddressRange piece, PrefetchTarget target, VmDevice device, HostWorkspace workspace)
    {
        if (target == PrefetchTarget.Device)
            return (device.Migrator.CountDevicePages(piece, workspace) + vm.Duplicator.CountCopies(piece, device.Index)) << PageSize.Shift;
        long pages = piece.Pages;
        foreach (VmDevice other in vm.Devices)
            pages -= other.Migrator.CountDevicePages(piece, workspace);
        return pages << PageSize.Shift;
    }

    /// <summary>Adds a result up.</summary>
    /// <param name="requested">Bytes asked for.</param>
    /// <param name="before">Bytes at the target before.</param>
    /// <param name="after">Bytes at the target after.</param>
    /// <returns>The result.</returns>
    private static PrefetchResult Account(long requested, long before, long after) =>
        new(requested, Math.Min(before, after), Math.Max(0, after - before), requested - after);
}
