// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Vm;

/// <summary>What the fault handler of one VM did, and how long each stage took. Monotonic; read without locks, each value by itself. Times in Stopwatch ticks.</summary>
public sealed class VmCounters
{
    private long _faults;
    private long _valid;
    private long _prefetchFaults;
    private long _prefetchFaultsRefused;
    private long _merged;
    private long _failed;
    private long _retries;
    private long _invalidations;
    private long _remoteMaps;
    private long _splits;
    private long _rebindsFailed;
    private long _leftOnDevice;
    private long _sharedMaps;
    private long _adviceKept;
    private long _prefetchedPages;
    private long _thrashing;
    private long _throttled;
    private long _pinned;
    private long _notifications;
    private long _notificationsServed;
    private long _notificationsDropped;
    private long _accessCounterPages;
    private long _queueStops;
    private long _queueRestores;
    private long _restoresFailed;
    private long _queueStoppedTicks;
    private long _findTicks;
    private long _migrateTicks;
    private long _getPagesTicks;
    private long _bindTicks;
    private long _faultTicks;

    /// <summary>Faults handled. Xe: svm_pagefault_count.</summary>
    public long Faults => Interlocked.Read(ref _faults);

    /// <summary>Faults that found the range bound already. Xe: svm_*_valid_pagefault_count.</summary>
    public long Valid => Interlocked.Read(ref _valid);

    /// <summary>Faults that were answered with an equal one's answer, without a call of the handler.</summary>
    public long Merged => Interlocked.Read(ref _merged);

    /// <summary>Faults that devices raised ahead of need; not among <see cref="Faults"/>.</summary>
    public long PrefetchFaults => Interlocked.Read(ref _prefetchFaults);

    /// <summary>Of these, those that brought nothing.</summary>
    public long PrefetchFaultsRefused => Interlocked.Read(ref _prefetchFaultsRefused);

    /// <summary>Faults refused with a status.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Passes of the handler beyond a fault's first.</summary>
    public long Retries => Interlocked.Read(ref _retries);

    /// <summary>Events that reached a mapped range. Xe: svm_tlb_inval_count.</summary>
    public long Invalidations => Interlocked.Read(ref _invalidations);

    /// <summary>Faults after which the range was mapped in RAM although it might have moved.</summary>
    public long RemoteMaps => Interlocked.Read(ref _remoteMaps);

    /// <summary>Ranges split because the CPU had unmapped a part of them.</summary>
    public long Splits => Interlocked.Read(ref _splits);

    /// <summary>Pieces of split ranges whose page-table entries could not be written again at once; the next fault does it.</summary>
    public long RebindsFailed => Interlocked.Read(ref _rebindsFailed);

    /// <summary>Ranges that died with pages left on a device, which could not be brought home.</summary>
    public long LeftOnDevice => Interlocked.Read(ref _leftOnDevice);

    /// <summary>Times that advice of unmapped memory could not be forgotten for want of memory.</summary>
    public long AdviceKept => Interlocked.Read(ref _adviceKept);

    /// <summary>Pages of ranges that came beside a fault's own, because the prefetch policy wanted them.</summary>
    public long PrefetchedPages => Interlocked.Read(ref _prefetchedPages);

    /// <summary>Pages objects of other devices that a fault has fed beside its own.</summary>
    public long SharedMaps => Interlocked.Read(ref _sharedMaps);

    /// <summary>Quarrels over a range that the thrash policy has stepped into.</summary>
    public long ThrashingDetected => Interlocked.Read(ref _thrashing);

    /// <summary>Times that touches of a range were held back.</summary>
    public long Throttled => Interlocked.Read(ref _throttled);

    /// <summary>Times that a range was pinned in RAM for a while.</summary>
    public long Pinned => Interlocked.Read(ref _pinned);

    /// <summary>Times that a device's queues were stopped because a running job was about to lose memory. In VMs without faults.</summary>
    public long QueueStops => Interlocked.Read(ref _queueStops);

    /// <summary>Times that they were resumed.</summary>
    public long QueueRestores => Interlocked.Read(ref _queueRestores);

    /// <summary>Running jobs that were failed because their memory could not be brought back.</summary>
    public long RestoresFailed => Interlocked.Read(ref _restoresFailed);

    /// <summary>Time that queues were stopped, those of several devices added up; of stops that have ended.</summary>
    public long QueueStoppedTicks => Interlocked.Read(ref _queueStoppedTicks);

    /// <summary>Time to find or insert ranges.</summary>
    public long FindTicks => Interlocked.Read(ref _findTicks);

    /// <summary>Time to evict and migrate.</summary>
    public long MigrateTicks => Interlocked.Read(ref _migrateTicks);

    /// <summary>Time to fault in and map for the device. Xe: svm_*_get_pages_us.</summary>
    public long GetPagesTicks => Interlocked.Read(ref _getPagesTicks);

    /// <summary>Time to write page tables. Xe: svm_*_bind_us.</summary>
    public long BindTicks => Interlocked.Read(ref _bindTicks);

    /// <summary>Whole time in the handler. Xe: svm_*_pagefault_us.</summary>
    public long FaultTicks => Interlocked.Read(ref _faultTicks);

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
    public long AccessNotifications => Interlocked.Read(ref _notifications);

    /// <summary>Of these, those that have brought pages.</summary>
    public long AccessNotificationsServed => Interlocked.Read(ref _notificationsServed);

    /// <summary>Beside them, those for which a device's buffer had no room, as far as is known: it is looked at when something is fetched.</summary>
    public long AccessNotificationsDropped => Interlocked.Read(ref _notificationsDropped);

    /// <summary>Bytes that have come to a device because it had often used them where they were.</summary>
    public long AccessCounterBytes => Interlocked.Read(ref _accessCounterPages) << Addressing.PageSize.Shift;

    /// <summary>Counts a fault's end.</summary>
    /// <param name="start">When its handling began.</param>
    /// <param name="status">How it ended.</param>
    internal void CountFault(long start, SvmStatus status)
    {
        Interlocked.Increment(ref _faults);
        if (status != SvmStatus.Done && !status.IsRetry())
            Interlocked.Increment(ref _failed);
        long ticks = Stopwatch.GetTimestamp() - start;
        Interlocked.Add(ref _faultTicks, ticks);
        FaultTimes.RecordTicks(ticks);
    }

    /// <summary>Counts a fault that a device raised ahead of need.</summary>
    /// <param name="status">What became of it.</param>
    internal void CountPrefetchFault(SvmStatus status)
    {
        Interlocked.Increment(ref _prefetchFaults);
        if (status != SvmStatus.Done)
            Interlocked.Increment(ref _prefetchFaultsRefused);
    }

    /// <summary>Counts a fault on a bound range.</summary>
    internal void CountValid() => Interlocked.Increment(ref _valid);

    /// <summary>Counts faults that were answered with an equal one's answer.</summary>
    /// <param name="faults">How many.</param>
    internal void CountMerged(int faults) => Interlocked.Add(ref _merged, faults);

    /// <summary>Counts another pass.</summary>
    internal void CountRetry() => Interlocked.Increment(ref _retries);

    /// <summary>Counts an event that reached a mapped range.</summary>
    internal void CountInvalidation() => Interlocked.Increment(ref _invalidations);

    /// <summary>Counts a mapping in RAM.</summary>
    internal void CountRemoteMap() => Interlocked.Increment(ref _remoteMaps);

    /// <summary>Counts a split.</summary>
    internal void CountSplit() => Interlocked.Increment(ref _splits);

    /// <summary>Counts a piece that was not bound again.</summary>
    internal void CountRebindFailed() => Interlocked.Increment(ref _rebindsFailed);

    /// <summary>Counts a range that left pages on a device.</summary>
    internal void CountLeftOnDevice() => Interlocked.Increment(ref _leftOnDevice);

    /// <summary>Counts advice that was kept.</summary>
    internal void CountAdviceKept() => Interlocked.Increment(ref _adviceKept);

    /// <summary>Counts what came beside a fault's own range.</summary>
    /// <param name="pages">How many pages.</param>
    internal void CountPrefetched(int pages) => Interlocked.Add(ref _prefetchedPages, pages);

    /// <summary>Counts a pages object fed by another device's fault.</summary>
    internal void CountSharedMap() => Interlocked.Increment(ref _sharedMaps);

    /// <summary>Counts a quarrel that the thrash policy has stepped into.</summary>
    internal void CountThrashing() => Interlocked.Increment(ref _thrashing);

    /// <summary>Counts a touch held back.</summary>
    internal void CountThrottled() => Interlocked.Increment(ref _throttled);

    /// <summary>Counts a pin.</summary>
    internal void CountPinned() => Interlocked.Increment(ref _pinned);

    /// <summary>Counts notifications of access counters.</summary>
    /// <param name="fetched">Those fetched.</param>
    /// <param name="dropped">Those dropped since the last time.</param>
    internal void CountNotifications(int fetched, long dropped)
    {
        Interlocked.Add(ref _notifications, fetched);
        Interlocked.Add(ref _notificationsDropped, dropped);
    }

    /// <summary>Counts what a notification has brought.</summary>
    /// <param name="pages">How many pages; 0 for none.</param>
    internal void CountServed(int pages)
    {
        if (pages > 0)
            Interlocked.Increment(ref _notificationsServed);
        Interlocked.Add(ref _accessCounterPages, pages);
    }

    /// <summary>Counts a stop of a device's queues.</summary>
    internal void CountQueueStop() => Interlocked.Increment(ref _queueStops);

    /// <summary>Counts the end of one.</summary>
    /// <param name="start">When they were stopped.</param>
    internal void CountQueueRestore(long start)
    {
        Interlocked.Increment(ref _queueRestores);
        Interlocked.Add(ref _queueStoppedTicks, Stopwatch.GetTimestamp() - start);
    }

    /// <summary>Counts a job that lost its memory.</summary>
    internal void CountRestoreFailed() => Interlocked.Increment(ref _restoresFailed);

    /// <summary>Adds to the time of finding.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddFind(long start) => Add(ref _findTicks, FindTimes, start);

    /// <summary>Adds to the time of migrating.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddMigrate(long start) => Add(ref _migrateTicks, MigrateTimes, start);

    /// <summary>Adds to the time of getting pages.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddGetPages(long start) => Add(ref _getPagesTicks, GetPagesTimes, start);

    /// <summary>Adds to the time of binding.</summary>
    /// <param name="start">When it began.</param>
    /// <returns>Now.</returns>
    internal long AddBind(long start) => Add(ref _bindTicks, BindTimes, start);

    /// <summary>Adds the time since a start.</summary>
    /// <param name="ticks">The sum.</param>
    /// <param name="times">The histogram beside it.</param>
    /// <param name="start">The start.</param>
    /// <returns>Now.</returns>
    private static long Add(ref long ticks, Histogram times, long start)
    {
        long now = Stopwatch.GetTimestamp();
        Interlocked.Add(ref ticks, now - start);
        times.RecordTicks(now - start);
        return now;
    }
}
