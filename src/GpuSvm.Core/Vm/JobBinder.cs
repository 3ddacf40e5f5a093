// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Makes all that a job has named present and bound: what the fault handler does for one address, range by range. Kernel: svm_range_validate_and_map, xe_vma_userptr_pin_pages and rebind.</summary>
/// <remarks>
/// Pages move by advice and placement when a job begins, and only then. When they are brought back they are mapped where they are: two jobs that do not fit on the device together would
/// otherwise evict each other for ever. Thrash control is not asked: a job moves its memory once however often the CPU touches it.
/// </remarks>
/// <param name="vm">The VM.</param>
internal sealed class JobBinder(GpuVm vm)
{
    private const int MaxPasses = 32;

    /// <summary>Binds what a job has named.</summary>
    /// <param name="job">The job.</param>
    /// <param name="mayMove">Whether pages go where advice and placement want them.</param>
    /// <param name="failedAt">The GPU address that failed; 0 if none did.</param>
    /// <returns><see cref="SvmStatus.Done"/>: each piece was bound at some moment since the call began. <see cref="SvmStatus.Busy"/>: overtaken; try again. Else as the fault handler says of the
    /// first address that failed.</returns>
    /// <remarks>Locking: takes Vm shared, Range; must hold nothing.</remarks>
    public SvmStatus Bind(GpuJob job, bool mayMove, out VirtualAddress failedAt)
    {
        using var balance = LockBalance.Begin();
        failedAt = job.Pieces.Count == 0 ? default : job.Pieces[0].Interval.Start;
        if (vm.Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = SvmStatus.Done;
        foreach (JobPiece piece in job.Pieces)
        {
            for (VirtualAddress at = piece.Interval.Start; at < piece.Interval.End && status == SvmStatus.Done;)
            {
                failedAt = at;
                status = BindAt(at, piece, job.Device, mayMove, workspace, out AddressRange bound);
                at = bound.End;
            }
        }

        vm.Host.ReturnWorkspace(workspace);
        if (status == SvmStatus.Done)
            failedAt = default;
        return status is SvmStatus.Retry or SvmStatus.Unmapped ? SvmStatus.Busy : status;
    }

    /// <summary>Binds what holds one address.</summary>
    /// <param name="address">A GPU address of the piece.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="device">For whom.</param>
    /// <param name="mayMove">Whether pages may move.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="bound">What was bound around the address.</param>
    /// <returns>A status; the retry family and <see cref="SvmStatus.Unmapped"/> when it was overtaken in every pass.</returns>
    private SvmStatus BindAt(VirtualAddress address, in JobPiece piece, VmDevice device, bool mayMove, HostWorkspace workspace, out AddressRange bound)
    {
        bound = AddressRange.OfPages(address, 1);
        SvmStatus status = SvmStatus.Retry;
        for (int pass = 0; pass < MaxPasses && (status.IsRetry() || status == SvmStatus.Unmapped); pass++)
        {
            if (pass > 3)
                Thread.Yield();
            vm.Collect();
            using (vm.Lock.EnterRead())
            {
                if (device.Device.IsUnplugged) // Inside: unplugging owns the VM afterwards, and takes away what was bound before.
                    return SvmStatus.DeviceGone;
                status = BindIn(address, piece, device, mayMove, workspace, out bound);
            }
        }

        return status;
    }

    /// <summary>One pass of <see cref="BindAt"/>.</summary>
    /// <param name="address">A GPU address of the piece.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="device">For whom.</param>
    /// <param name="mayMove">Whether pages may move.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="bound">What was bound around the address.</param>
    /// <returns>As <see cref="BindAt"/>, of this pass.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    private SvmStatus BindIn(VirtualAddress address, in JobPiece piece, VmDevice device, bool mayMove, HostWorkspace workspace, out AddressRange bound)
    {
        bound = AddressRange.OfPages(address, 1);
        if (vm.FindWindow(address) is not { } window || !ReferenceEquals(window.Userptr, piece.Userptr))
            return SvmStatus.NotMapped; // Unbound since, or another's by now: its changes would not be heard.
        if (piece.Userptr is { } userptr)
            return userptr.ServeAround(address, piece.Access != MemoryAccess.Read, device, workspace, out bound);
        MemoryAdvice advice = vm.Attributes.FindLocked(address);
        SvmStatus status = vm.FaultHandler.Find(address, piece.Access, device, advice, window, out SvmContext context, out SvmRange? range);
        if (status != SvmStatus.Done)
            return status;
        bound = range!.Interval;
        using (vm.RangeLocks.Enter(range))
            status = BindRange((GpuRange)range, piece.Access, device, advice, mayMove, context, workspace);
        range.Put();
        return status;
    }

    /// <summary>Moves a range where it belongs, and binds it.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="access">The strongest access.</param>
    /// <param name="device">For whom.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <param name="mayMove">Whether pages may move.</param>
    /// <param name="context">The pass's wishes.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As <see cref="BindAt"/>, of this pass.</returns>
    private SvmStatus BindRange(
        GpuRange range, MemoryAccess access, VmDevice device, MemoryAdvice advice, bool mayMove, in SvmContext context, HostWorkspace workspace)
    {
        if (range.IsUnmapped)
            return SvmStatus.Unmapped;
        if (vm.TryPagesFor(range, device.Index) is not { } pages)
            return SvmStatus.OutOfHostMemory;
        if (access == MemoryAccess.Read && vm.Duplicator.IsWanted(range, advice))
            return BindCopy(range, pages, context, device, advice, mayMove, workspace);
        if (mayMove && vm.HomeForJob(range, device, advice, access) is { } home && home.Migrator.CountDevicePages(range.Interval, workspace) < range.Interval.Pages)
        {
            SvmStatus moved = home.Migrator.Migrate(range.Interval, MigrationCause.Prefetch, advice.IsPinned, vm.LargestBlock(advice), workspace, out _);
            if (moved is SvmStatus.NotMapped or SvmStatus.ProcessGone && vm.FaultHandler.EndsPass(range, ref moved))
                return moved;
            if (moved != SvmStatus.Done)
                vm.CountRemoteMap(range, device, moved); // Held, full, failed: the pages are intact; map them where they are.
        }

        return vm.FaultHandler.IsBoundFor(range, pages, access) ? SvmStatus.Done : vm.FaultHandler.Map(range, pages, context, access, device, advice, workspace);
    }

    /// <summary>Binds a range that is mostly read, and that a job only reads: a copy when the job begins, else what there is.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="pages">The device's pages.</param>
    /// <param name="context">The pass's wishes.</param>
    /// <param name="device">For whom.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <param name="mayMove">Whether a copy may be made.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As <see cref="BindRange"/>.</returns>
    private SvmStatus BindCopy(GpuRange range, GpuPages pages, in SvmContext context, VmDevice device, MemoryAdvice advice, bool mayMove, HostWorkspace workspace)
    {
        if (vm.FaultHandler.IsBoundFor(range, pages, MemoryAccess.Read))
            return SvmStatus.Done;
        SvmStatus status = mayMove ? vm.Duplicator.Duplicate(range, pages, device, advice, MigrationCause.Prefetch, workspace, out _) : SvmStatus.Busy;
        if (vm.FaultHandler.EndsPass(range, ref status))
            return status;
        return status == SvmStatus.Done
            ? device.Binder.Bind(range.Notifier, pages, range.Interval.Start, range.Interval.Pages)
            : vm.FaultHandler.Map(range, pages, RangeDuplicator.WithoutCopy(context, status), MemoryAccess.Read, device, advice, workspace);
    }
}
