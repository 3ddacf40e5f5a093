// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Workloads;

/// <summary>What the user asked of a workload, already checked on its own.</summary>
/// <param name="SizeBytes">Bytes of shared data, or null for the workload's default.</param>
/// <param name="Threads">CPU threads that fill shared memory and take the CPU's turns; at least 1.</param>
/// <param name="Seed">Seed of everything random.</param>
/// <param name="GraphPath">A graph file, or null.</param>
/// <param name="Scale">A Kronecker scale, or null.</param>
internal sealed record WorkloadSettings(long? SizeBytes, int Threads, ulong Seed, string? GraphPath, int? Scale)
{
    /// <summary>The least data that a sized workload takes: one page.</summary>
    private const long SmallestBytes = 4096;

    /// <summary>The size for a workload over plain arrays, which takes no graph.</summary>
    /// <param name="workload">The workload's name, for messages.</param>
    /// <param name="defaultBytes">The size without --size.</param>
    /// <exception cref="InputException">A graph was given, or the size is below one page.</exception>
    public long ArrayBytes(string workload, long defaultBytes)
    {
        if (GraphPath is not null || Scale is not null)
            throw new InputException($"{(GraphPath is not null ? "--graph" : "--scale")}: {workload} does not work on a graph; use it with bfs or pagerank");
        var bytes = SizeBytes ?? defaultBytes;
        return bytes >= SmallestBytes
            ? bytes
            : throw new InputException($"--size {bytes}: too small for {workload}; use at least {SmallestBytes} bytes");
    }
}
