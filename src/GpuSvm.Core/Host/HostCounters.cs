// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Host;

/// <summary>What happened to pages on the CPU's side. Monotonic; read without locks, each value by itself.</summary>
public sealed class HostCounters
{
    private long _faults;
    private long _migrated;
    private long _ticks;
    private long _exclusive;
    private long _restored;

    /// <summary>CPU faults taken.</summary>
    public long CpuFaults => Interlocked.Read(ref _faults);

    /// <summary>CPU faults that brought pages back from a device.</summary>
    public long CpuFaultsMigrated => Interlocked.Read(ref _migrated);

    /// <summary>Stopwatch ticks spent serving CPU faults.</summary>
    public long CpuFaultTicks => Interlocked.Read(ref _ticks);

    /// <summary>Nanoseconds of each CPU fault's service.</summary>
    public Histogram CpuFaultTimes { get; } = new();

    /// <summary>Nanoseconds of telling the notifiers of an event, with the wait for the flushes; of events that concern any. Xe has the sum: svm_tlb_inval_us.</summary>
    public Histogram InvalidationTimes { get; } = new();

    /// <summary>Pages taken from the CPU for devices alone.</summary>
    public long PagesMadeExclusive => Interlocked.Read(ref _exclusive);

    /// <summary>Exclusive pages given back to the CPU.</summary>
    public long ExclusivePagesRestored => Interlocked.Read(ref _restored);

    /// <summary>Counts pages taken for devices alone.</summary>
    /// <param name="pages">How many.</param>
    internal void CountExclusive(int pages) => Interlocked.Add(ref _exclusive, pages);

    /// <summary>Counts exclusive pages given back.</summary>
    /// <param name="pages">How many.</param>
    internal void CountRestored(int pages) => Interlocked.Add(ref _restored, pages);

    /// <summary>Counts one CPU fault.</summary>
    /// <param name="start">The Stopwatch timestamp at which its service began.</param>
    /// <param name="migrated">Whether pages came back from a device.</param>
    internal void CountCpuFault(long start, bool migrated)
    {
        Interlocked.Increment(ref _faults);
        if (migrated)
            Interlocked.Increment(ref _migrated);
        long ticks = Stopwatch.GetTimestamp() - start;
        Interlocked.Add(ref _ticks, ticks);
        CpuFaultTimes.RecordTicks(ticks);
    }
}
