// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>What a study compares: everything with everything.</summary>
public sealed record StudyPlan
{
    /// <summary>Names of workloads, or paths of traces.</summary>
    public required IReadOnlyList<string> Workloads { get; init; }

    /// <summary>About how many bytes a generated workload touches.</summary>
    public long SizeBytes { get; init; } = 12 << 20;

    /// <summary>How often its main loop runs.</summary>
    public int Iterations { get; init; } = 1;

    /// <summary>How much is touched for each byte of device memory.</summary>
    public IReadOnlyList<double> Oversubscriptions { get; init; } = [1, 1.25];

    /// <summary>Names of cost models.</summary>
    public IReadOnlyList<string> CostModels { get; init; } = ["uvm-smart"];

    /// <summary>Sizes of chunks.</summary>
    public IReadOnlyList<string> Chunks { get; init; } = ["64K"];

    /// <summary>Prefetch policies.</summary>
    public IReadOnlyList<string> Prefetches { get; init; } = ["none", "tree"];

    /// <summary>Eviction policies.</summary>
    public IReadOnlyList<string> Evictions { get; init; } = ["unused", "fault-order"];

    /// <summary>Thrash policies.</summary>
    public IReadOnlyList<string> Thrashes { get; init; } = ["back-off"];

    /// <summary>Placement policies.</summary>
    public IReadOnlyList<string> Placements { get; init; } = ["first-touch"];

    /// <summary>How many seeds, from 1.</summary>
    public int Seeds { get; init; } = 1;

    /// <summary>All cells, in the order of a table: workload, oversubscription, cost model, policies, seed.</summary>
    /// <returns>The cells.</returns>
    public IEnumerable<StudyCell> Cells() =>
        from workload in Workloads
        from oversubscription in Oversubscriptions
        from costModel in CostModels
        from chunk in Chunks
        from prefetch in Prefetches
        from evict in Evictions
        from thrash in Thrashes
        from placement in Placements
        from seed in Enumerable.Range(1, Seeds)
        select new StudyCell
        {
            Workload = workload,
            SizeBytes = SizeBytes,
            Iterations = Iterations,
            Oversubscription = oversubscription,
            CostModel = costModel,
            Chunk = chunk,
            Prefetch = prefetch,
            Evict = evict,
            Thrash = thrash,
            Placement = placement,
            Seed = seed,
        };
}
