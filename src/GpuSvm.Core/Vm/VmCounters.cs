// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Vm;

/// <summary>What the fault handler of one VM did, and how long each stage took. Monotonic; read without locks, each value by itself. Times in Stopwatch ticks.</summary>
/// <remarks>Counted by stripes, since all service threads count several values a fault.</remarks>
public sealed class VmCounters
{
    private readonly StripedSums _sums = new((int)Sum.Count);

    /// <summary>Faults handled. Xe: svm_pagefault_count.</summary>
    public long Faults => _sums.Read((int)Sum.Faults);

    /// <summary>Faults that found the range bound already. Xe: svm_*_valid_pagefault_count.</summary>
    public long Valid => _sums.Read((int)Sum.Valid);

    /// <summary>Faults that were answered with an equal one's answer, without a call of the handler.</summary>
    public long Merged => _sums.Read((int)Sum.Merged);

    /// <summary>Faults that devices raised ahead of need; not among <see cref="Faults"/>.</summary>
    public long PrefetchFaults => _sums.Read((int)Sum.PrefetchFaults);

    /// <summary>Of these, those that brought nothing.</summary>
    public long PrefetchFaultsRefused => _sums.Read((int)Sum.PrefetchFaultsRefused);

    /// <summary>Faults refused with a status.</summary>
    public long Failed => _sums.Read((int)Sum.Failed);

    /// <summary>Passes of the handler beyond a fault's first.</summary>
    public long Retries => _sums.Read((int)Sum.Retries);

    /// <summary>Events that reached a mapped range. Xe: svm_tlb_inval_count.</summary>
    public long Invalidations => _sums.Read((int)Sum.Invalidations);

    /// <summary>Faults after which the range was mapped in RAM although it might have moved.</summary>
    public long RemoteMaps => _sums.Read((int)Sum.RemoteMaps);

    /// <summary>Ranges split because the CPU had unmapped a part of them.</summary>
    public long Splits => _sums.Read((int)Sum.Splits);

    /// <summary>Pieces of split ranges whose page-table entries could not be written again at once; the next fault does it.</summary>
    public long RebindsFailed => _sums.Read((int)Sum.RebindsFailed);

    /// <summary>Ranges that died with pages left on a device, which could not be brought home.</summary>
    public long LeftOnDevice => _sums.Read((int)Sum.LeftOnDevice);

    /// <summary>Times that advice of unmapped memory could not be forgotten for want of memory.</summary>
    public long AdviceKept => _sums.Read((int)Sum.AdviceKept);

    /// <summary>Pages of ranges that came beside a fault's own, because the prefetch policy wanted them.</summary>
    public long PrefetchedPages => _sums.Read((int)Sum.PrefetchedPages);

    /// <summary>Pages objects of other devices that a fault has fed beside its own.</summary>
    public long SharedMaps => _sums.Read((int)Sum.SharedMaps);

    /// <summary>Quarrels over a range that the thrash policy has stepped into.</summary>
    public long ThrashingDetected => _sums.Read((int)Sum.Thrashing);

    /// <summary>Times that touches of a range were held back.</summary>
    public long Throttled => _sums.Read((int)Sum.Throttled);

    /// <summary>Times that a range was pinned in RAM for a while.</summary>
    public long Pinned => _sums.Read((int)Sum.Pinned);

    /// <summary>Times that a device's queues were stopped because a running job was about to lose memory. In VMs without faults.</summary>
    public long QueueStops => _sums.Read((int)Sum.QueueStops);

    /// <summary>Times that they were resumed.</summary>
    public long QueueRestores => _sums.Read((int)Sum.QueueRestores);

    /// <summary>Running jobs that were failed because their memory could not be brought back.</summary>
    public long RestoresFailed => _sums.Read((int)Sum.RestoresFailed);

    /// <summary>Time that queues were stopped, those of several devices added up; of stops that have ended.</summary>
    public long QueueStoppedTicks => _sums.Read((int)Sum.QueueStoppedTicks);

    /// <summary>Time to find or insert ranges.</summary>
    public long FindTicks => _sums.Read((int)Sum.FindTicks);

    /// <summary>Time to evict and migrate.</summary>
    public long MigrateTicks => _sums.Read((int)Sum.MigrateTicks);

    /// <summary>Time to fault in and map for the device. Xe: svm_*_get_pages_us.</summary>
    public long GetPagesTicks => _sums.Read((int)Sum.GetPagesTicks);

    /// <summary>Time to write page tables. Xe: svm_*_bind_us.</summary>
    public long BindTicks => _sums.Read((int)Sum.BindTicks);

    /// <summary>Whole time in the handler. Xe: svm_*_pagefault_us.</summary>
    public long FaultTicks => _sums.Read((int)Sum.FaultTicks);

    /// <summary>Nanoseconds of each call of the handler.</summary>
    public Histogram FaultTimes { get; } = new();

    /// <summary>Nanoseconds of finding or inserting the range, pass by pass.</summary>
    public Histogram FindTimes { get; } = new();

    /// <summary>Nanoseconds of evicting and migrating, pass by pass.</summary>
    public Histogram MigrateTimes { get; } = new();

    /// <summary>Nanoseconds of faulting in and mapping for the device, pass by pass.</summary>
    public Histogram GetPagesTimes { get; } = new();

    /// <summary>Nanoseconds of writing page tables, pass by pass.</summary>
    public Histogram BindTimes { get; } = new();

    /// <summary>Regions that devices have told of because they use them often.</summary>
    public long AccessNotifications => _sums.Read((int)Sum.Notifications);

    /// <summary>Of these, those that have brought pages.</summary>
    public long AccessNotificationsServed => _sums.Read((int)Sum.NotificationsServed);

    /// <summary>Beside them, those for which a device's buffer had no room, as far as is known: it is looked at when something is fetched.</summary>
    public long AccessNotificationsDropped => _sums.Read((int)Sum.NotificationsDropped);

    /// <summary>Bytes that have come to a device because it had often used them where they were.</summary>
    public long AccessCounterBytes => _sums.Read((int)Sum.AccessCounterPages) << Addressing.PageSize.Shift;

    /// <summary>Counts a fault's end.</summary>
    /// <param name="start">When its handling began.</param>
    /// <param name="status">How it ended.</param>
    internal void CountFault(long start, SvmStatus status)
    {
        _sums.Add((int)Sum.Faults, 1);
        if (status != SvmStatus.Done && !status.IsRetry())
            _sums.Add((int)Sum.Failed, 1);
        long ticks = Stopwatch.GetTimestamp() - start;
        _sums.Add((int)Sum.FaultTicks, ticks);
        FaultTimes.RecordTicks(ticks);
    }

    /// <summary>Counts a fault that a device raised ahead of need.</summary>
    /// <param name="status">What became of it.</param>
    internal void CountPrefetchFault(SvmStatus status)
    {
        _sums.Add((int)Sum.PrefetchFaults, 1);
        if (status != SvmStatus.Done)
            _sums.Add((int)Sum.PrefetchFaultsRefused, 1);
    }

    /// <summary>Counts a fault on a bound range.</summary>
    internal void CountValid() => _sums.Add((int)Sum.Valid, 1);

    /// <summary>Counts faults that were answered with an equal one's answer.</summary>
    /// <param name="faults">How many.</param>
    internal void CountMerged(int faults) => _sums.Add((int)Sum.Merged, faults);

    /// <summary>Counts another pass.</summary>
    internal void CountRetry() => _sums.Add((int)Sum.Retries, 1);

    /// <summary>Counts an event that reached a mapped range.</summary>
    internal void CountInvalidation() => _sums.Add((int)Sum.Invalidations, 1);

    /// <summary>Counts a mapping in RAM.</summary>
    internal void CountRemoteMap() => _sums.Add((int)Sum.RemoteMaps, 1);

    /// <summary>Counts a split.</summary>
    internal void CountSplit() => _sums.Add((int)Sum.Splits, 1);

    /// <summary>Counts a piece that was not bound again.</summary>
    internal void CountRebindFailed() => _sums.Add((int)Sum.RebindsFailed, 1);

    /// <summary>Counts a range that left pages on a device.</summary>
    internal void CountLeftOnDevice() => _sums.Add((int)Sum.LeftOnDevice, 1);

    /// <summary>Counts advice that was kept.</summary>
    internal void CountAdviceKept() => _sums.Add((int)Sum.AdviceKept, 1);

    /// <summary>Counts what came beside a fault's own range.</summary>
    /// <param name="pages">How many pages.</param>
    internal void CountPrefetched(int pages) => _sums.Add((int)Sum.PrefetchedPages, pages);

    /// <summary>Counts a pages object fed by another device's fault.</summary>
    internal void CountSharedMap() => _sums.Add((int)Sum.SharedMaps, 1);

    /// <summary>Counts a quarrel that the thrash policy has stepped into.</summary>
    internal void CountThrashing() => _sums.Add((int)Sum.Thrashing, 1);

    /// <summary>Counts a touch held back.</summary>
    internal void CountThrottled() => _sums.Add((int)Sum.Throttled, 1);

    /// <summary>Counts a pin.</summary>
    internal void CountPinned() => _sums.Add((int)Sum.Pinned, 1);

    /// <summary>Counts notifications of access counters.</summary>
    /// <param name="fetched">Those fetched.</param>
    /// <param name="dropped">Those dropped since the last time.</param>
    internal void CountNotifications(int fetched, long dropped)
    {
        _sums.Add((int)Sum.Notifications, fetched);
        _sums.Add((int)Sum.NotificationsDropped, dropped);
    }

    /// <summary>Counts what a notification has brought.</summary>
    /// <param name="pages">How many pages; 0 for none.</param>
    internal void CountServed(int pages)
    {
        if (pages > 0)
            _sums.Add((int)Sum.NotificationsServed, 1);
        _sums.Add((int)Sum.AccessCounterPages, pages);
    }

    /// <summary>Counts a stop of a device's queues.</summary>
    internal void CountQueueStop() => _sums.Add((int)Sum.QueueStops, 1);

    /// <summary>Counts the end of one.</summary>
    /// <param name="start">When they were stopped.</param>
    internal void CountQueueRestore(long start)
    {
        _sums.Add((int)Sum.QueueRestores, 1);
        _sums.Add((int)Sum.QueueStoppedTicks, Stopwatch.GetTimestamp() - start);
    }

    /// <summary>Counts a job that lost its memory.</summary>
    internal void CountRestoreFailed() => _sums.Add((int)Sum.RestoresFailed, 1);

    /// <summary>Adds to the time of finding.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddFind(long start) => Add(Sum.FindTicks, FindTimes, start);

    /// <summary>Adds to the time of migrating.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddMigrate(long start) => Add(Sum.MigrateTicks, MigrateTimes, start);

    /// <summary>Adds to the time of getting pages.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddGetPages(long start) => Add(Sum.GetPagesTicks, GetPagesTimes, start);

    /// <summary>Adds to the time of binding.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddBind(long start) => Add(Sum.BindTicks, BindTimes, start);

    /// <summary>Adds the time since a start.</summary>
    /// <param name="sum">The sum.</param>
    /// <param name="times">The histogram beside it.</param>
    /// <param name="start">The start.</param>
    /// <returns>Now.</returns>
    private long Add(Sum sum, Histogram times, long start)
    {
        long now = Stopwatch.GetTimestamp();
        _sums.Add((int)sum, now - start);
        times.RecordTicks(now - start);
        return now;
    }

    /// <summary>What is added up.</summary>
    private enum Sum
    {
        /// <summary><see cref="VmCounters.Faults"/>.</summary>
        Faults,

        /// <summary><see cref="VmCounters.Valid"/>.</summary>
        Valid,

        /// <summary><see cref="VmCounters.PrefetchFaults"/>.</summary>
        PrefetchFaults,

        /// <summary><see cref="VmCounters.PrefetchFaultsRefused"/>.</summary>
        PrefetchFaultsRefused,

        /// <summary><see cref="VmCounters.Merged"/>.</summary>
        Merged,

        /// <summary><see cref="VmCounters.Failed"/>.</summary>
        Failed,

        /// <summary><see cref="VmCounters.Retries"/>.</summary>
        Retries,

        /// <summary><see cref="VmCounters.Invalidations"/>.</summary>
        Invalidations,

        /// <summary><see cref="VmCounters.RemoteMaps"/>.</summary>
        RemoteMaps,

        /// <summary><see cref="VmCounters.Splits"/>.</summary>
        Splits,

        /// <summary><see cref="VmCounters.RebindsFailed"/>.</summary>
        RebindsFailed,

        /// <summary><see cref="VmCounters.LeftOnDevice"/>.</summary>
        LeftOnDevice,

        /// <summary><see cref="VmCounters.SharedMaps"/>.</summary>
        SharedMaps,

        /// <summary><see cref="VmCounters.AdviceKept"/>.</summary>
        AdviceKept,

        /// <summary><see cref="VmCounters.PrefetchedPages"/>.</summary>
        PrefetchedPages,

        /// <summary><see cref="VmCounters.ThrashingDetected"/>.</summary>
        Thrashing,

        /// <summary><see cref="VmCounters.Throttled"/>.</summary>
        Throttled,

        /// <summary><see cref="VmCounters.Pinned"/>.</summary>
        Pinned,

        /// <summary><see cref="VmCounters.AccessNotifications"/>.</summary>
        Notifications,

        /// <summary><see cref="VmCounters.AccessNotificationsServed"/>.</summary>
        NotificationsServed,

        /// <summary><see cref="VmCounters.AccessNotificationsDropped"/>.</summary>
        NotificationsDropped,

        /// <summary><see cref="VmCounters.AccessCounterBytes"/>.</summary>
        AccessCounterPages,

        /// <summary><see cref="VmCounters.QueueStops"/>.</summary>
        QueueStops,

        /// <summary><see cref="VmCounters.QueueRestores"/>.</summary>
        QueueRestores,

        /// <summary><see cref="VmCounters.RestoresFailed"/>.</summary>
        RestoresFailed,

        /// <summary><see cref="VmCounters.QueueStoppedTicks"/>.</summary>
        QueueStoppedTicks,

        /// <summary><see cref="VmCounters.FindTicks"/>.</summary>
        FindTicks,

        /// <summary><see cref="VmCounters.MigrateTicks"/>.</summary>
        MigrateTicks,

        /// <summary><see cref="VmCounters.GetPagesTicks"/>.</summary>
        GetPagesTicks,

        /// <summary><see cref="VmCounters.BindTicks"/>.</summary>
        BindTicks,

        /// <summary><see cref="VmCounters.FaultTicks"/>.</summary>
        FaultTicks,

        /// <summary>How many sums there are.</summary>
        Count,
    }
}
