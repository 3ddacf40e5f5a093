// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Traces;

/// <summary>What a trace says of itself before its first record.</summary>
public sealed record TraceHeader
{
    /// <summary>Where it comes from, for people: a workload and its size, a program, an imported file. Not empty.</summary>
    public required string Source { get; init; }

    /// <summary>The page of the machine it was taken on, in bytes; a power of two.</summary>
    public int PageBytes { get; init; } = PageSize.Bytes;

    /// <summary>The memory of each device, in bytes, device 0 first; 0 for not known.</summary>
    public IReadOnlyList<long> DeviceMemoryBytes { get; init; } = [];

    /// <summary>System memory in bytes; 0 for not known.</summary>
    public long HostMemoryBytes { get; init; }

    /// <summary>The name of the cost model that its times come from; empty for times that were measured, or none.</summary>
    public string CostModel { get; init; } = "";

    /// <summary>Anything else worth keeping, by name: policies, a command line, the version of a driver.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();
}
