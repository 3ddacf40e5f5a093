// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Lab.Workloads;

/// <summary>How large a workload is to be.</summary>
public sealed record WorkloadOptions
{
    /// <summary>The least size of a workload.</summary>
    public const long LeastBytes = 64 << 10;

    /// <summary>About how many bytes its arrays have together, at least <see cref="LeastBytes"/>; each rounds to what its shape allows.</summary>
    public long Bytes { get; init; } = 12 << 20;

    /// <summary>How often its main loop runs: time steps, rounds, tokens. At least 1.</summary>
    public int Iterations { get; init; } = 1;

    /// <summary>For what is drawn by chance.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The graph of bfs and sssp; null for a Kronecker graph of about the size asked for.</summary>
    public CsrGraph? Graph { get; init; }
}
