// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_statistics, field by field; gpusvm.h says what each means.</summary>
internal struct StatisticsStruct
{
    /// <summary>The size that the struct had first: its fields end before <see cref="Launches"/>.</summary>
    public const uint FirstBytes = 184;

    /// <summary>sizeof(gpusvm_statistics), as the caller was compiled.</summary>
    public uint StructBytes;

    /// <summary>1 real, 2 portable.</summary>
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
}
