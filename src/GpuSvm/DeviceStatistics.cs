// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What one device is, and what went to and fro since the memory was opened.</summary>
public readonly record struct DeviceStatistics
{
    /// <summary>What it calls itself.</summary>
    public required string Name { get; init; }

    /// <summary>Threads that run kernels.</summary>
    public int ComputeUnits { get; init; }

    /// <summary>The size of its memory in bytes.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Of <see cref="MemoryBytes"/>, in use at this moment.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Bytes migrated to it.</summary>
    public long BytesToDevice { get; init; }

    /// <summary>Bytes migrated from it to system memory.</summary>
    public long BytesToRam { get; init; }

    /// <summary>Blocks pushed out of it to make room.</summary>
    public long Evictions { get; init; }

    /// <summary>Launches started on it.</summary>
    public long Launches { get; init; }
}
