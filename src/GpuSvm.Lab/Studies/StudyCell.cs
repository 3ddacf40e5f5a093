// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Studies;

/// <summary>One replay of a study, by everything that its result depends on.</summary>
public sealed record StudyCell
{
    /// <summary>The workload's name, or the trace's path.</summary>
    public required string Workload { get; init; }

    /// <summary>About how many bytes a generated workload touches.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>How often its main loop runs.</summary>
    public required int Iterations { get; init; }

    /// <summary>How much it touches for each byte of device memory.</summary>
    public required double Oversubscription { get; init; }

    /// <summary>The cost model's name.</summary>
    public required string CostModel { get; init; }

    /// <summary>The largest piece that moves at once.</summary>
    public required string Chunk { get; init; }

    /// <summary>The prefetch policy.</summary>
    public required string Prefetch { get; init; }

    /// <summary>The eviction policy.</summary>
    public required string Evict { get; init; }

    /// <summary>The thrash policy.</summary>
    public required string Thrash { get; init; }

    /// <summary>The placement policy.</summary>
    public string Placement { get; init; } = new ReplayPolicies().Placement;

    /// <summary>The seed of workload and policies.</summary>
    public required long Seed { get; init; }

    /// <summary>The cell with all its seeds: what a mean is taken over.</summary>
    /// <returns>The cell with the seed 0.</returns>
    public StudyCell WithoutSeed() => this with { Seed = 0 };

    /// <summary>The policies in a few words.</summary>
    /// <returns>"64K tree/unused"; thrash and placement policies where they are not the default.</returns>
    public string PoliciesInWords()
    {
        var defaults = new ReplayPolicies();
        return $"{Chunk} {Prefetch}/{Evict}{(Thrash == defaults.Thrash ? "" : $"/{Thrash}")}{(Placement == defaults.Placement ? "" : $"/{Placement}")}";
    }

    /// <summary>The settings of the replay.</summary>
    /// <returns>The settings.</returns>
    /// <exception cref="ArgumentException">There is no cost model of that name.</exception>
    public ReplaySettings Settings() => new()
    {
        Policies = new ReplayPolicies { Chunk = Chunk, Prefetch = Prefetch, Evict = Evict, Thrash = Thrash, Placement = Placement, Seed = Seed },
        CostModel = CostModels.Find(CostModel) ?? throw new ArgumentException($"There is no cost model \"{CostModel}\"."),
        Oversubscription = Oversubscription,
    };

    /// <summary>The cell in words.</summary>
    /// <returns>"hotspot 110 % uvm-smart 64K tree/unused seed 1".</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Workload} {Oversubscription * 100:0.##} % {CostModel} {PoliciesInWords()} seed {Seed}");
}
