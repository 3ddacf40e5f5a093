// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <content>What happens, counted and told.</content>
internal sealed partial class Session
{
    /// <summary>Opens a stream of events.</summary>
    /// <param name="capacity">Events that it holds.</param>
    /// <returns>The stream's handle; throws a <see cref="SessionException"/> if the memory is closing.</returns>
    public ulong OpenEvents(int capacity)
    {
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            ulong handle = Handles.Events.Add(new SessionEvents(this, _host.Events.Open(capacity)));
            _streams.Add(handle);
            return handle;
        }
    }

    /// <summary>Ends a stream of events that was taken out of the handles.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="stream">The stream.</param>
    public void CloseEvents(ulong handle, SvmEventStream stream)
    {
        lock (_gate)
            _streams.Remove(handle);
        _host.Events.Close(stream);
    }

    /// <summary>Reads the counters of all parts.</summary>
    /// <returns>The struct, its size filled in.</returns>
    public unsafe StatisticsStruct ReadStatistics()
    {
        VmCounters vm = _vm.Counters;
        HostCounters host = _host.Counters;
        return new StatisticsStruct
        {
            StructBytes = (uint)sizeof(StatisticsStruct),
            MemoryKind = (uint)_memory.Kind,
            GpuFaults = (ulong)vm.Faults,
            GpuFaultsValid = (ulong)vm.Valid,
            GpuFaultsFailed = (ulong)vm.Failed,
            GpuFaultRetries = (ulong)vm.Retries,
            CpuFaults = (ulong)host.CpuFaults,
            CpuFaultsMigrated = (ulong)host.CpuFaultsMigrated,
            BytesToDevice = Sum(static device => device.Pagemap.Counters.BytesToDevice),
            BytesToRam = Sum(static device => device.Pagemap.Counters.BytesToRam),
            MigrationsToDevice = Sum(static device => device.Pagemap.Counters.BlocksToDevice),
            MigrationsToRam = Sum(static device => device.Pagemap.Counters.BlocksToRam),
            Evictions = Sum(static device => device.Pagemap.Counters.Evictions),
            Invalidations = (ulong)vm.Invalidations,
            Ranges = (ulong)_vm.Mirror.RangeCount,
            DeviceBytesUsed = Sum(static device => device.UsedBytes),
            DeviceBytesTotal = Sum(static device => device.Gpu.Memory.Bytes),
            HeapBytes = (ulong)Heap.Bytes,
            FindNs = Nanoseconds(vm.FindTicks),
            MigrateNs = Nanoseconds(vm.MigrateTicks),
            GetPagesNs = Nanoseconds(vm.GetPagesTicks),
            BindNs = Nanoseconds(vm.BindTicks),
            FaultNs = Nanoseconds(vm.FaultTicks),
            CpuFaultNs = Nanoseconds(host.CpuFaultTicks),
            Launches = Sum(static device => device.Gpu.ReadCounters().Launches),
            QueueStops = (ulong)vm.QueueStops,
            QueueRestores = (ulong)vm.QueueRestores,
            QueueRestoresFailed = (ulong)vm.RestoresFailed,
        };
    }

    /// <summary>Faults that were refused.</summary>
    public FailedFaults FailedFaults => _vm.FailedFaults;

    /// <summary>What happens, for the monitor.</summary>
    public SvmEvents Events => _host.Events;

    /// <summary>Bytes of pages that the CPU does not have now: on a device, a device's alone, or moving.</summary>
    public long AwayBytes => _host.AwayPages << PageSize.Shift;

    /// <summary>One of the histograms.</summary>
    /// <param name="kind">Which.</param>
    /// <returns>The histogram, live.</returns>
    public Histogram HistogramOf(HistogramKind kind) => kind switch
    {
        HistogramKind.GpuFault => _vm.Counters.FaultTimes,
        HistogramKind.Find => _vm.Counters.FindTimes,
        HistogramKind.Migrate => _vm.Counters.MigrateTimes,
        HistogramKind.GetPages => _vm.Counters.GetPagesTimes,
        HistogramKind.Bind => _vm.Counters.BindTimes,
        HistogramKind.CpuFault => _host.Counters.CpuFaultTimes,
        HistogramKind.Invalidation => _host.Counters.InvalidationTimes,
        HistogramKind.BytesToDevice => _vm.Pagemap.Counters.SizesToDevice,
        HistogramKind.BytesToRam => _vm.Pagemap.Counters.SizesToRam,
        _ => throw new SessionException(SvmStatus.InvalidArgument, $"There is no histogram {(int)kind}: they are 0 to {(int)HistogramKind.BytesToRam}."),
    };

    /// <summary>Adds up over the devices.</summary>
    /// <param name="count">A count of one device.</param>
    /// <returns>The sum.</returns>
    private ulong Sum(Func<SessionDevice, long> count)
    {
        long sum = 0;
        foreach (SessionDevice device in _devices)
            sum += count(device);
        return (ulong)sum;
    }

    /// <summary>Stopwatch ticks as nanoseconds.</summary>
    private static ulong Nanoseconds(long ticks) => (ulong)Histogram.NanosecondsOf(ticks);
}
