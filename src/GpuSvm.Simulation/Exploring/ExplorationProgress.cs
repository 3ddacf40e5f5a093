// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>How far an exploration has come.</summary>
/// <param name="Schedules">Schedules run.</param>
/// <param name="Elapsed">Time spent.</param>
/// <param name="Points">Different points come past.</param>
/// <param name="Pairs">Different pairs of points of two threads.</param>
/// <param name="Level">The preemptions allowed at this moment, in an exhaustive search; else -1.</param>
public readonly record struct ExplorationProgress(long Schedules, TimeSpan Elapsed, int Points, int Pairs, int Level)
{
    /// <summary>Schedules a second.</summary>
    public double PerSecond => Elapsed > TimeSpan.Zero ? Schedules / Elapsed.TotalSeconds : 0;
}
