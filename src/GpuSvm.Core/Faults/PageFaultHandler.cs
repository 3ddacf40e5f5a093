// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>
/// Serves one GPU fault: find the range, move its pages if the policy says so, map them, bind them. Kernel: xe_svm_handle_pagefault.
/// </summary>
/// <remarks>
/// One bounded loop, no lock to stop races: whatever changed meanwhile is noticed by the sequence or by the commit test, and the pass starts over. A failed
/// migration is no failure of the fault: the pages are mapped where they are. What is returned is what really became of the fault; the kernel driver has
/// paths that acknowledge a fault it did not serve, and we do not.
/// docs/fault-path.md lists status by status what is done.
/// </remarks>
public sealed partial class PageFaultHandler
{
    /// <summary>Passes for one call of <see cref="Handle"/>.</summary>
    public const int MaxPasses = 32;

    private readonly GpuVm _vm;

    /// <summary>Creates the handler of a VM.</summary>
    /// <param name="vm">The VM.</param>
    internal PageFaultHandler(GpuVm vm) => _vm = vm;

    /// <summary>Serves a fault.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="device">The number in the VM of the device that faulted.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>: the page is bound with the access asked for; replay. <see cref="SvmStatus.Busy"/>: overtaken in every pass; put the fault back.
    /// <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.DeviceGone"/>, <see cref="SvmStatus.OutOfHostMemory"/>,
    /// <see cref="SvmStatus.CopyFailed"/>, <see cref="SvmStatus.AccessDenied"/>: the access fails for this reason.
    /// </returns>
    /// <remarks>Locking: must hold nothing. Allocates nothing once warm.</remarks>
    public SvmStatus Handle(in GpuFault fault, int device = 0)
    {
        using var balance = LockBalance.Begin();
        long start = Stopwatch.GetTimestamp();
        VmDevice faulting = _vm.Devices[device];
        if (_vm.Host.TryRentWorkspace() is not { } workspace)
            return Report(fault, faulting, SvmStatus.OutOfHostMemory, start);

        FollowPlan plan = default;
        TimeSpan late;
        SvmStatus status = SvmStatus.Retry;
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            if (pass > 0)
            {
                _vm.Counters.CountRetry();
                _vm.Host.NoticeChanges(AddressRange.OfPages(fault.Address.AlignDown(PageOrder.Small), 1)); // The pass before may have met a right that is gone: the look that finds the range tells of it.
            }

            _vm.Collect();
            if (faulting.Device.IsUnplugged)
            {
                // The launch fails, and what it has written is safe then: if somebody else is bringing it home, this helps and waits.
                status = faulting.Pagemap.Unplug() == SvmStatus.Done ? SvmStatus.DeviceGone : SvmStatus.Busy;
                break;
            }

            using (_vm.Lock.EnterRead())
                status = ServePass(fault.Address, fault.Access, faulting, workspace, ref plan, out late);
            if (late > TimeSpan.Zero)
            {
                Linger(late);
                status = SvmStatus.Busy;
                break;
            }

            if (status == SvmStatus.Done || !(status.IsRetry() || status == SvmStatus.Unmapped))
                break;
            if (!SchedulePoint.TryYield() && pass > 3)
                Thread.Yield();
        }

        if (status == SvmStatus.Done && plan.Home is not null && _vm.Options.Prefetch is not null)
        {
            _vm.Follower.Follow(fault.Address, plan, workspace);
            if (!faulting.PageTable.Lookup(fault.Address).IsPresent)
            {
                // On a small device, or one full of pinned memory, what followed may have taken the place of what it followed: that would go on for ever.
                using (_vm.Lock.EnterRead())
                    status = ServePass(fault.Address, fault.Access, faulting, workspace, ref plan, out _);
            }
        }

        if (status is SvmStatus.Retry or SvmStatus.Unmapped)
            status = SvmStatus.Busy;
        _vm.Host.ReturnWorkspace(workspace);
        return Report(fault, faulting, status, start);
    }

    /// <summary>Counts a fault that was handled, and tells of it.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="device">Who faulted.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="start">Stopwatch ticks at which its handling began.</param>
    /// <returns>The status.</returns>
    private SvmStatus Report(in GpuFault fault, VmDevice device, SvmStatus status, long start)
    {
        if (fault.IsPrefetch)
        {
            _vm.Counters.CountPrefetchFault(status);
            _vm.Host.Events.Prefetch(AddressRange.OfPages(fault.Address.AlignDown(PageOrder.Small), 1), device.Pagemap.Index, MigrationCause.GpuFault, status);
        }
        else
        {
            _vm.Counters.CountFault(start, status);
            _vm.Host.Events.GpuFault(fault, device.Pagemap.Index, status, start);
        }

        return status;
    }

    /// <summary>Lets others work before a fault that is to be served late goes back to the queue, so that it does not go round and round there.</summary>
    /// <param name="late">How long it is still to wait; it does not all of it here, because others may wait behind it.</param>
    /// <remarks>Locking: nothing is held.</remarks>
    private static void Linger(TimeSpan late)
    {
        const int longestMicroseconds = 50;
        long start = Stopwatch.GetTimestamp();
        do
        {
            if (!SchedulePoint.TryYield())
                Thread.Yield();
        }
        while (Stopwatch.GetElapsedTime(start) is var elapsed && elapsed < late && elapsed.TotalMicroseconds < longestMicroseconds);
    }

    /// <summary>One pass: from the address to the range.</summary>
    /// <param name="address">The faulting address.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="device">Who tried it.</param>
    /// <param name="workspace">The fault's.</param>
    /// <param name="plan">Where the range was moved or copied, in this pass or one before, and what has come and is to come beside it.</param>
    /// <param name="late">Above zero: the thrash policy wants the fault to be served after that time.</param>
    /// <returns>A status; the retry family and <see cref="SvmStatus.Unmapped"/> start over.</returns>
    private SvmStatus ServePass(VirtualAddress address, MemoryAccess access, VmDevice device, HostWorkspace workspace, ref FollowPlan plan, out TimeSpan late)
    {
        late = default;
        long start = Stopwatch.GetTimestamp();
        if (device.Device.IsUnplugged)
            return SvmStatus.Retry; // Since the pass began. Unplugging owns the VM after this, so what is bound before is taken away then.
        if (_vm.FindWindow(address) is not { } window)
            return SvmStatus.NotMapped;
        if (window.Userptr is { } userptr)
            return userptr.Serve(address, access != MemoryAccess.Read, device, workspace);
        MemoryAdvice advice = _vm.Attributes.FindLocked(address);
        SvmStatus status = Find(address, access, device, advice, window, out SvmContext context, out SvmRange? range);
        _vm.Counters.AddFind(start);
        if (status != SvmStatus.Done)
            return status;
        using (_vm.RangeLocks.Enter(range!))
            status = ServeRange((GpuRange)range!, address, context, access, device, advice, workspace, ref plan, out late);
        range!.Put();
        return status;
    }

    /// <summary>The range of an address, or a new one.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">What is to be done there.</param>
    /// <param name="device">By whom.</param>
    /// <param name="advice">What the program has advised of the address.</param>
    /// <param name="window">The mirror's window.</param>
    /// <param name="context">The pass's wishes: read-only where the mapping is, and no more is wanted. A fault stops at lost rights; for a job they were noticed at its beginning.</param>
    /// <param name="range">The range, to be put.</param>
    /// <returns>As <see cref="SvmMirror.FindOrInsert"/>; <see cref="SvmStatus.AccessDenied"/> by advice.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    internal SvmStatus Find(VirtualAddress address, MemoryAccess access, VmDevice device, MemoryAdvice advice, GpuVma window, out SvmContext context, out SvmRange? range)
    {
        range = null;
        context = _vm.ContextFor(device, advice) with { StopAtLostRights = _vm.Jobs is null };
        if (advice.Denies(access, device.Index))
            return SvmStatus.AccessDenied;
        AddressRange alike = _vm.AdvisedAlike(address, window);
        SvmStatus status = _vm.Mirror.FindOrInsert(address, alike, context, out range);
        if (status != SvmStatus.ReadOnly || access != MemoryAccess.Read)
            return status;
        context = context with { ReadOnly = true };
        return _vm.Mirror.FindOrInsert(address, alike, context, out range);
    }

    /// <summary>One pass: from the range to its page-table entries.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="context">The pass's wishes.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="device">Who tried it.</param>
    /// <param name="advice">What the program has advised of the faulting address.</param>
    /// <param name="workspace">The fault's.</param>
    /// <param name="plan">As of <see cref="ServePass"/>.</param>
    /// <param name="late">As of <see cref="ServePass"/>.</param>
    /// <returns>A status as of <see cref="ServePass"/>.</returns>
    private SvmStatus ServeRange(
        GpuRange range, VirtualAddress address, SvmContext context, MemoryAccess access, VmDevice device, MemoryAdvice advice, HostWorkspace workspace, ref FollowPlan plan, out TimeSpan late)
    {
        late = default;
        if (range.IsUnmapped)
            return SvmStatus.Unmapped;
        if (_vm.TryPagesFor(range, device.Index) is not { } pages)
            return SvmStatus.OutOfHostMemory;
        if (IsBoundFor(range, pages, access))
        {
            _vm.Counters.CountValid();
            _vm.Thrash?.NoteServed(range);
            return SvmStatus.Done;
        }

        long start = Stopwatch.GetTimestamp();
        bool copies = access == MemoryAccess.Read && _vm.Duplicator.IsWanted(range, advice);
        VmDevice? chosen = copies ? null : _vm.HomeFor(range, device, advice, access, out late);
        if (copies)
        {
            SvmStatus status = Copy(range, pages, device, advice, workspace, out late);
            start = _vm.Counters.AddMigrate(start);
            if (EndsPass(range, ref status))
                return status;
            if (status == SvmStatus.Done)
            {
                plan = new FollowPlan(device, range.Interval);
                status = Bind(range, pages, device);
                _vm.Counters.AddBind(start);
                return status;
            }

            context = RangeDuplicator.WithoutCopy(context, status);
        }

        if (late > TimeSpan.Zero)
            return SvmStatus.Busy;
        if (chosen is not null)
        {
            SvmStatus status = Move(range, address, chosen, advice, workspace, ref plan, out int moved);
            _vm.Counters.AddMigrate(start);
            if (status is SvmStatus.NotMapped or SvmStatus.ProcessGone && EndsPass(range, ref status))
                return status;
            if (moved > 0)
                _vm.Thrash?.NoteArrival(range);
            if (status != SvmStatus.Done)
                _vm.CountRemoteMap(range, device, status); // Held, full, failed: the pages are intact in RAM, or will be; map them there.
        }
        else if (range.IsMigratable && !copies)
        {
            plan = default;
            _vm.CountRemoteMap(range, device, SvmStatus.Done);
        }

        return Map(range, pages, context, access, device, advice, workspace);
    }

    /// <summary>Moves a range, and in the same migration what the prefetch policy wants beside it.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="home">Where to.</param>
    /// <param name="advice">What is advised.</param>
    /// <param name="workspace">The fault's.</param>
    /// <param name="plan">What came, and what is to follow; a pass that starts over goes by the plan that it has, for a policy is asked once for a fault.</param>
    /// <param name="moved">How many pages came, of all.</param>
    /// <returns>What became of the range: as <see cref="RangeMigrator.Migrate"/>. Where not everything could come, the range is tried alone, and nothing follows.</returns>
    private SvmStatus Move(
        GpuRange range, VirtualAddress address, VmDevice home, MemoryAdvice advice, HostWorkspace workspace, ref FollowPlan plan, out int moved)
    {
        int missing = (int)range.Interval.Pages;
        if (plan.Home != home || plan.Range != range.Interval || plan.Come.IsEmpty)
            plan = _vm.Follower.Plan(range, address, home, advice, workspace, out missing);
        SvmStatus status = home.Migrator.Migrate(plan.Come, MigrationCause.GpuFault, advice.IsPinned, _vm.LargestBlock(advice), workspace, out moved);
        _vm.Follower.Note(plan, moved - missing, status);
        bool isAlone = plan.Come == range.Interval;
        plan = status == SvmStatus.Done ? plan : default;
        if (isAlone || status == SvmStatus.Done)
            return status;
        status = home.Migrator.Migrate(range.Interval, MigrationCause.GpuFault, advice.IsPinned, _vm.LargestBlock(advice), workspace, out int came);
        moved += came;
        return status;
    }

    /// <summary>Ends a pass that has found another mapping than the lookup; what is mapped there now may not hold the range any more.</summary>
    /// <param name="range">The range.</param>
    /// <returns><see cref="SvmStatus.Retry"/>.</returns>
    private SvmStatus StartOver(GpuRange range)
    {
        _ = _vm.RetireIfCut(range);
        return SvmStatus.Retry;
    }

    /// <summary>Whether a pass ends with what copying a range came to: the mapping went or changed while we looked, and the lookup is to say so, or the process is gone. After other
    /// failures the pages are intact, and are mapped where they are; so are pages that cannot move for how they are mapped.</summary>
    /// <param name="range">The range.</param>
    /// <param name="status">What it came to; then what the pass does.</param>
    /// <returns>True if the pass ends.</returns>
    internal bool EndsPass(GpuRange range, ref SvmStatus status)
    {
        if (status is not (SvmStatus.NotMapped or SvmStatus.ReadOnly or SvmStatus.Unmapped or SvmStatus.ProcessGone))
            return false;
        if (status != SvmStatus.ProcessGone)
            status = StartOver(range);
        return true;
    }

    /// <summary>Gives a device that reads memory that is mostly read a copy of the range, unless the thrash policy wants otherwise.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="pages">The device's pages.</param>
    /// <param name="device">The device.</param>
    /// <param name="advice">What is advised.</param>
    /// <param name="workspace">The fault's.</param>
    /// <param name="late">As of <see cref="ServePass"/>.</param>
    /// <returns>As <see cref="RangeDuplicator.Duplicate"/>; <see cref="SvmStatus.Busy"/> if there is to be none.</returns>
    private SvmStatus Copy(GpuRange range, GpuPages pages, VmDevice device, MemoryAdvice advice, HostWorkspace workspace, out TimeSpan late)
    {
        late = default;
        SvmStatus status = SvmStatus.Busy;
        if (_vm.Thrash is null || _vm.Thrash.Decide(range, device, out late) == ThrashAction.Move)
            status = _vm.Duplicator.Duplicate(range, pages, device, advice, MigrationCause.GpuFault, workspace, out _);
        if (status == SvmStatus.Done)
            _vm.Thrash?.NoteArrival(range);
        else if (late == TimeSpan.Zero && status != SvmStatus.MixedPlacement)
            _vm.CountRemoteMap(range, device, status);
        return status;
    }
}
