// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>Makes a failing scenario smaller: leaves operations out, one at a time, as long as the same still goes wrong.</summary>
/// <remarks>Without an operation the numbers of choices change, so each smaller scenario is searched anew: with the schedule that failed, and with few preemptions.</remarks>
public static class ScenarioShrinker
{
    private const int MaxSchedules = 1500;

    /// <summary>Shrinks a scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="failed">How it failed.</param>
    /// <param name="limits">After how many steps a schedule counts as a livelock.</param>
    /// <returns>The smallest scenario found and its failing schedule; the same if none is smaller.</returns>
    public static (Scenario Scenario, ScheduleResult Failed) Shrink(Scenario scenario, ScheduleResult failed, ExplorationLimits limits)
    {
        Scenario best = scenario;
        ScheduleResult result = failed;
        for (int left = 0; left < best.OperationCount;)
        {
            if (Without(best, left) is not { } smaller || Find(smaller, failed, limits) is not { } found)
            {
                left++;
                continue;
            }

            best = smaller;
            result = found;
        }

        return (best, result);
    }

    /// <summary>The scenario without one operation.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="index">Which: those before, then thread by thread, then those after.</param>
    /// <returns>The smaller one; null if it would have no thread.</returns>
    private static Scenario? Without(Scenario scenario, int index)
    {
        int at = index;
        IReadOnlyList<ScenarioOperation> before = Except(scenario.Before, ref at);
        var threads = new List<ScenarioThread>();
        foreach (ScenarioThread thread in scenario.Threads)
        {
            IReadOnlyList<ScenarioOperation> left = Except(thread.Operations, ref at);
            if (left.Count > 0)
                threads.Add(thread with { Operations = left });
        }

        IReadOnlyList<ScenarioOperation> after = Except(scenario.After, ref at);
        return threads.Count == 0 ? null : scenario with { Before = before, Threads = threads, After = after };
    }

    /// <summary>Operations without one of them.</summary>
    /// <param name="operations">The operations.</param>
    /// <param name="at">Which; moved on past these, below zero once it was left out.</param>
    /// <returns>The others, or the same.</returns>
    private static IReadOnlyList<ScenarioOperation> Except(IReadOnlyList<ScenarioOperation> operations, ref int at)
    {
        int which = at;
        at -= operations.Count;
        return which >= 0 && which < operations.Count ? [.. operations.Where((_, i) => i != which)] : operations;
    }

    /// <summary>Looks for the same failure.</summary>
    /// <param name="scenario">The smaller scenario.</param>
    /// <param name="failed">The failure to find.</param>
    /// <param name="limits">After how many steps a schedule counts as a livelock.</param>
    /// <returns>A schedule that fails so, or null.</returns>
    private static ScheduleResult? Find(Scenario scenario, ScheduleResult failed, ExplorationLimits limits)
    {
        using var explorer = new ScheduleExplorer(scenario);
        ScheduleResult again = explorer.Replay(failed.Decisions, limits.MaxSteps, records: false);
        if (again.Failure is { } same && same.IsLike(failed.Failure!))
            return explorer.Shrink(again, limits);
        ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(Math.Min(failed.Preemptions, 2)), new ExplorationLimits { MaxSchedules = MaxSchedules, MaxSteps = limits.MaxSteps });
        return result.Failed?.Failure is { } other && other.IsLike(failed.Failure!) ? result.Failed : null;
    }
}
