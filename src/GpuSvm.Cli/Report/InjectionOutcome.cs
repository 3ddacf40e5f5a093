// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What became of one failure on purpose.</summary>
/// <param name="Point">The injection point.</param>
/// <param name="Hit">Which of its hits was to fail.</param>
/// <param name="Hits">How often the run reached the point.</param>
/// <param name="Failed">Whether that hit came, and so failed.</param>
internal sealed record InjectionOutcome(string Point, long Hit, long Hits, bool Failed);
