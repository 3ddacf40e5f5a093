// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress;

/// <summary>How far the runs of a scenario on real memory have come.</summary>
/// <param name="Runs">Runs so far.</param>
/// <param name="Elapsed">Time so far.</param>
/// <param name="Pairs">Pairs of points of two threads, of which one came right after the other.</param>
/// <param name="Explored">Such pairs in the explorer's schedules that went with the runs, as far as real memory has the points.</param>
/// <param name="Reached">Those of the explorer's that were seen on real memory too.</param>
/// <param name="Undelayed">Windows in runs without delays.</param>
/// <param name="Random">Windows in runs with random delays.</param>
/// <param name="Followed">Windows in runs that follow a schedule.</param>
public sealed record StressProgress(long Runs, TimeSpan Elapsed, int Pairs, int Explored, int Reached, StressWindows Undelayed, StressWindows Random, StressWindows Followed)
{
    /// <summary>Runs per second.</summary>
    public double PerSecond => Runs / Math.Max(Elapsed.TotalSeconds, 1e-3);
}
