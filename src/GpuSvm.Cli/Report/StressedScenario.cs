// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Scenarios;
using GpuSvm.Stress;

namespace GpuSvm.Cli.Report;

/// <summary>What runs of one scenario on real memory have come to.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Runs">Runs.</param>
/// <param name="Seconds">Time spent.</param>
/// <param name="PerSecond">Runs a second.</param>
/// <param name="Pairs">Different pairs of points of two threads, one right after the other.</param>
/// <param name="PairsExplored">Such pairs in the schedules of the explorer that went with the runs.</param>
/// <param name="PairsReached">Those of them that were seen on real memory.</param>
/// <param name="Undelayed">Windows of those schedules in runs without delays.</param>
/// <param name="Random">Windows in runs with random delays.</param>
/// <param name="Followed">Windows in runs that follow their schedule.</param>
/// <param name="Differences">What the scenario says that real memory does otherwise.</param>
/// <param name="Failure">What kind of thing went wrong; null if nothing did.</param>
/// <param name="Message">What exactly.</param>
/// <param name="Repeat">The command that makes the same delays again.</param>
internal sealed record StressedScenario(
    string Scenario,
    string Title,
    long Runs,
    double Seconds,
    double PerSecond,
    int Pairs,
    int PairsExplored,
    int PairsReached,
    StressWindows Undelayed,
    StressWindows Random,
    StressWindows Followed,
    IReadOnlyList<string> Differences,
    string? Failure,
    string? Message,
    string? Repeat)
{
    /// <summary>Makes it of a result.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="result">The result.</param>
    public static StressedScenario Of(Scenario scenario, StressResult result) => new(
        scenario.Name,
        scenario.Title,
        result.Progress.Runs,
        result.Progress.Elapsed.TotalSeconds,
        result.Progress.PerSecond,
        result.Progress.Pairs,
        result.Progress.Explored,
        result.Progress.Reached,
        result.Progress.Undelayed,
        result.Progress.Random,
        result.Progress.Followed,
        RealDifferences.Of(scenario),
        result.Failed?.Failure.Kind.ToString(),
        result.Failed?.Failure.Message,
        result.Failed is { } failed ? $"gpusvm explore {scenario.ToolName} {failed.Options} --budget 1000" : null);
}
