// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm explore` found, for people and for JSON alike. Names become snake_case in JSON.</summary>
/// <param name="Strategy">exhaustive, pct or random.</param>
/// <param name="Bound">The most preemptions, or the depth.</param>
/// <param name="Seed">Where random numbers began.</param>
/// <param name="Scenarios">Each scenario.</param>
internal sealed record ExploreReport(string Strategy, int Bound, int Seed, IReadOnlyList<ExploredScenario> Scenarios);
