// SPDX-License-Identifier: MIT
namespace GpuSvm.Interop;

/// <summary>gpusvm_statistics, field by field; the meaning of each stands at the property of <see cref="SvmStatistics"/> with its name.</summary>
internal struct NativeStatistics
{
    /// <summary>sizeof(gpusvm_statistics).</summary>
    public uint StructBytes;

    /// <summary>A <see cref="GpuSvm.MemoryKind"/>, never Auto.</summary>
    public uint MemoryKind;

    /// <summary>gpu_faults.</summary>
    public ulong GpuFaults;

    /// <summary>gpu_faults_valid.</summary>
    public ulong GpuFaultsValid;

    /// <summary>gpu_faults_failed.</summary>
    public ulong GpuFaultsFailed;

    /// <summary>gpu_fault_retries.</summary>
    public ulong GpuFaultRetries;

    /// <summary>cpu_faults.</summary>
    public ulong CpuFaults;

    /// <summary>cpu_faults_migrated.</summary>
    public ulong CpuFaultsMigrated;

    /// <summary>bytes_to_device.</summary>
    public ulong BytesToDevice;

    /// <summary>bytes_to_ram.</summary>
    public ulong BytesToRam;

    /// <summary>migrations_to_device.</summary>
    public ulong MigrationsToDevice;

    /// <summary>migrations_to_ram.</summary>
    public ulong MigrationsToRam;

    /// <summary>evictions.</summary>
    public ulong Evictions;

    /// <summary>invalidations.</summary>
    public ulong Invalidations;

    /// <summary>ranges.</summary>
    public ulong Ranges;

    /// <summary>device_bytes_used.</summary>
    public ulong DeviceBytesUsed;

    /// <summary>device_bytes_total.</summary>
    public ulong DeviceBytesTotal;

    /// <summary>heap_bytes.</summary>
    public ulong HeapBytes;

    /// <summary>find_ns, nanoseconds.</summary>
    public ulong FindNs;

    /// <summary>migrate_ns, nanoseconds.</summary>
    public ulong MigrateNs;

    /// <summary>get_pages_ns, nanoseconds.</summary>
    public ulong GetPagesNs;

    /// <summary>bind_ns, nanoseconds.</summary>
    public ulong BindNs;

    /// <summary>fault_ns, nanoseconds.</summary>
    public ulong FaultNs;

    /// <summary>cpu_fault_ns, nanoseconds.</summary>
    public ulong CpuFaultNs;

    /// <summary>launches.</summary>
    public ulong Launches;

    /// <summary>queue_stops.</summary>
    public ulong QueueStops;

    /// <summary>queue_restores.</summary>
    public ulong QueueRestores;

    /// <summary>queue_restores_failed.</summary>
    public ulong QueueRestoresFailed;

    /// <summary>The same as .NET sees it.</summary>
    /// <returns>The counters.</returns>
    public readonly SvmStatistics ToStatistics() => new()
    {
        GpuFaults = (long)GpuFaults,
        GpuFaultsValid = (long)GpuFaultsValid,
        GpuFaultsFailed = (long)GpuFaultsFailed,
        GpuFaultRetries = (long)GpuFaultRetries,
        CpuFaults = (long)CpuFaults,
        CpuFaultsMigrated = (long)CpuFaultsMigrated,
        BytesToDevice = (long)BytesToDevice,
        BytesToRam = (long)BytesToRam,
        MigrationsToDevice = (long)MigrationsToDevice,
        MigrationsToRam = (long)MigrationsToRam,
        Evictions = (long)Evictions,
        Invalidations = (long)Invalidations,
        Ranges = (long)Ranges,
        DeviceBytesUsed = (long)DeviceBytesUsed,
        DeviceBytesTotal = (long)DeviceBytesTotal,
        HeapBytes = (long)HeapBytes,
        FindTime = NativeErrors.Time(FindNs),
        MigrateTime = NativeErrors.Time(MigrateNs),
        GetPagesTime = NativeErrors.Time(GetPagesNs),
        BindTime = NativeErrors.Time(BindNs),
        FaultTime = NativeErrors.Time(FaultNs),
        CpuFaultTime = NativeErrors.Time(CpuFaultNs),
    };
}
