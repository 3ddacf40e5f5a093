// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What happened since a <see cref="SharedMemory"/> was opened. Counts are exact at a quiet moment; times are sums over all faults.</summary>
public readonly record struct SvmStatistics
{
    /// <summary>Faults taken from the device's fault buffer.</summary>
    public long GpuFaults { get; init; }

    /// <summary>Of <see cref="GpuFaults"/>, those whose pages were found already bound.</summary>
    public long GpuFaultsValid { get; init; }

    /// <summary>Of <see cref="GpuFaults"/>, those refused with a status.</summary>
    public long GpuFaultsFailed { get; init; }

    /// <summary>Passes of the fault handler beyond the first, because something changed meanwhile.</summary>
    public long GpuFaultRetries { get; init; }

    /// <summary>CPU touches of pages that were not there.</summary>
    public long CpuFaults { get; init; }

    /// <summary>Of <see cref="CpuFaults"/>, those whose page came back from the device.</summary>
    public long CpuFaultsMigrated { get; init; }

    /// <summary>Bytes migrated to device memory.</summary>
    public long BytesToDevice { get; init; }

    /// <summary>Bytes migrated back to system memory, by CPU faults, eviction and prefetch together.</summary>
    public long BytesToRam { get; init; }

    /// <summary>Blocks migrated to device memory.</summary>
    public long MigrationsToDevice { get; init; }

    /// <summary>Blocks migrated back to system memory.</summary>
    public long MigrationsToRam { get; init; }

    /// <summary>Blocks pushed out of device memory to make room.</summary>
    public long Evictions { get; init; }

    /// <summary>Notifier callbacks that reached a range the device had mapped.</summary>
    public long Invalidations { get; init; }

    /// <summary>Ranges that exist at this moment.</summary>
    public long Ranges { get; init; }

    /// <summary>Device memory in use at this moment, in bytes.</summary>
    public long DeviceBytesUsed { get; init; }

    /// <summary>The device memory's size in bytes.</summary>
    public long DeviceBytesTotal { get; init; }

    /// <summary>Shared memory allocated at this moment, in bytes.</summary>
    public long HeapBytes { get; init; }

    /// <summary>Time in lookup and insertion of ranges.</summary>
    public TimeSpan FindTime { get; init; }

    /// <summary>Time in eviction and migration to the device.</summary>
    public TimeSpan MigrateTime { get; init; }

    /// <summary>Time in faulting host pages in and mapping them for the device.</summary>
    public TimeSpan GetPagesTime { get; init; }

    /// <summary>Time in writing page tables.</summary>
    public TimeSpan BindTime { get; init; }

    /// <summary>Whole service of GPU faults, from the buffer to the acknowledge.</summary>
    public TimeSpan FaultTime { get; init; }

    /// <summary>Whole service of CPU faults.</summary>
    public TimeSpan CpuFaultTime { get; init; }
}
