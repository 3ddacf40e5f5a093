// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// Reads the host address space on a device's behalf, and faults pages in where asked. Kernel: hmm_range_fault in its newest, unlocked form: the walk only
/// records what is missing, the faulting happens outside it, with no lock held.
/// </summary>
/// <remarks>
/// An answer is a snapshot: it may be used only after the notifier's sequence has been found unchanged under the client's lock. A walk goes on where the last one found
/// something missing: what it has told of the pages before is as old as the sequence, and stands or falls with it.
///
/// Intervals may cross mappings. Where there is none, or one that may not be read, a page of which nothing is wanted is reported as an error, and one that is wanted ends the call.
/// </remarks>
public static class HmmRange
{
    /// <summary>Tells what is at each page now, without changing anything.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">At most 512 pages, page aligned.</param>
    /// <param name="owner">Device pages of pagemaps with this owner are reported; of others they count as absent. 0 sees none.</param>
    /// <param name="workspace">Receives the frames; <see cref="HmmFrame.Error"/> where there is no mapping.</param>
    /// <param name="stopAtAbsent">As <see cref="HmmQuery.StopAtAbsent"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.ProcessGone"/>; <see cref="SvmStatus.Retry"/> if mappings changed under the walk; the host memory's failure.</returns>
    /// <remarks>Locking: takes Host shared.</remarks>
    public static SvmStatus Snapshot(HostAddressSpace host, AddressRange interval, int owner, HostWorkspace workspace, bool stopAtAbsent = false)
    {
        if (!host.TryUse())
            return SvmStatus.ProcessGone;
        var walk = new HmmWalk(host, interval, new HmmQuery(HmmRequest.Snapshot, owner, KeepZeroPage: true, StopAtAbsent: stopAtAbsent), workspace);
        SvmStatus status = host.IsReaped ? SvmStatus.ProcessGone : Walk(ref walk);
        host.EndUse();
        return status;
    }

    /// <summary>Makes the pages of the interval present as requested and tells where each is.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">At most 512 pages, page aligned; it may cross mappings.</param>
    /// <param name="query">What is wanted.</param>
    /// <param name="budget">The whole call's, for this and all that is done again because of it.</param>
    /// <param name="workspace">Holds the pages' own requests; receives the frames. Its migration must be idle.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.ProcessGone"/> (ended, or reaped),
    /// <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.CopyFailed"/>; <see cref="SvmStatus.Busy"/> when the budget is spent or the call is cancelled;
    /// for an exclusive request <see cref="SvmStatus.NotMigratable"/> if the pages cannot be taken from the CPU, and <see cref="SvmStatus.InvalidArgument"/> without an owner.</returns>
    /// <remarks>Locking: takes Host shared for each walk; holds nothing while it faults or waits.</remarks>
    public static SvmStatus Fault(HostAddressSpace host, AddressRange interval, in HmmQuery query, ref RetryBudget budget, HostWorkspace workspace)
    {
        using var balance = LockBalance.Begin();
        LockOrder.AssertNothingAtOrBelow(LockRank.Host);
        if ((query.Default | query.Mask) == HmmRequest.Exclusive && query.Owner == 0)
            return SvmStatus.InvalidArgument;
        if (!host.TryUse())
            return SvmStatus.ProcessGone;
        SchedulePoint.Reach(SchedulePointKind.HmmFault, host);
        var walk = new HmmWalk(host, interval, query, workspace);
        SvmStatus status;
        while (true)
        {
            status = host.IsAlive && !host.IsReaped ? Walk(ref walk) : SvmStatus.ProcessGone;
            if (!status.IsRetry() && (status != SvmStatus.Done || walk.Missing < 0))
                break;
            if (query.Cancellation.IsCancellationRequested || !budget.TrySpend())
            {
                status = SvmStatus.Busy;
                break;
            }

            if (status == SvmStatus.Done)
                status = FaultOne(walk);
            if (status.IsRetry())
                SchedulePoint.TryYield(); // Whoever was faster, or has an event to read, needs a turn.
            if (status != SvmStatus.Done && !status.IsRetry())
                break;
        }

        host.EndUse();
        return status;
    }

    /// <summary>One pass, with the mappings held still.</summary>
    /// <param name="walk">The walk.</param>
    /// <returns>As <see cref="HmmWalk.Run"/>.</returns>
    private static SvmStatus Walk(ref HmmWalk walk)
    {
        using (walk.Host.Lock.EnterRead())
            return walk.Run();
    }

    /// <summary>Makes progress on the first page that was not as wanted: waits for its claim, brings it home, grants a right, populates what is absent around it, or takes it from the CPU.</summary>
    /// <param name="walk">The walk, as it stopped.</param>
    /// <returns>The status of the step; done and the retry family mean "walk again".</returns>
    private static SvmStatus FaultOne(in HmmWalk walk)
    {
        LockOrder.AssertNothingAtOrBelow(LockRank.Host); // Whoever serves the fault needs them.
        HostAddressSpace host = walk.Host;
        int page = walk.Missing;
        VirtualAddress address = walk.Interval.Start + ((long)page << PageSize.Shift);
        PageEntry entry = walk.Workspace.Entries[page];
        if (entry.IsMigrating)
        {
            host.WaitForMigration(address);
            return SvmStatus.Retry;
        }

        if (entry.IsDevice && walk.IsOwn(entry) && !walk.Query.BringReadOnlyHome)
            return host.TryMakeWritable(address, entry) ? SvmStatus.Done : SvmStatus.Retry;

        if (entry.IsDevice)
            return host.MigrateHomeInUse(address, entry, MigrationCause.HostFault);
        if (entry.IsExclusive)
            return host.RestoreExclusive(AddressRange.OfPages(address, walk.HoldRun(page)), entry.Hold); // All at once: one by one each would come back as a hold of its own.
        HmmRequest request = walk.RequestOf(page);
        bool isPresent = walk.Workspace.Frames[page] is { IsValid: true, IsWritable: true };
        int end = page + 1;
        int limit = walk.Interval.PageIndexOf(walk.Interval.Intersect(address.Block(PageOrder.Huge)).End); // A claim stays inside 2 MiB.
        limit = Math.Min(limit, walk.MappingEnd);
        while (end < limit && walk.IsLikeMissing(end))
            end++;
        AddressRange run = AddressRange.OfPages(address, end - page);
        if (request == HmmRequest.Exclusive && isPresent)
            return host.TakeExclusive(run, walk.Query.Owner, walk.Workspace);
        MemoryAccess access = request != HmmRequest.Read || walk.NeedsOwnPage() ? MemoryAccess.Write : MemoryAccess.Read;
        return host.PopulateInUse(run, access, walk.Workspace);
    }
}
