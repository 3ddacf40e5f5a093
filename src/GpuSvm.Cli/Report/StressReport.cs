// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm explore --memory real` found, for people and for JSON alike. Names become snake_case in JSON.</summary>
/// <param name="Memory">real.</param>
/// <param name="Delay">mixed, none, random or follow.</param>
/// <param name="Seed">Where random numbers began.</param>
/// <param name="Scenarios">Each scenario.</param>
internal sealed record StressReport(string Memory, string Delay, ulong Seed, IReadOnlyList<StressedScenario> Scenarios);
