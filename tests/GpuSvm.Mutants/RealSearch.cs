// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;
using GpuSvm.Stress;

namespace GpuSvm.Mutants;

/// <summary>Looks for a mutant's bug on real memory, in the process that runs the mutated code.</summary>
internal static class RealSearch
{
    private const long RunsEach = 500; // In one way.
    private static readonly TimeSpan _timeEach = TimeSpan.FromSeconds(20);

    /// <summary>Runs the scenario in which the explorer found the bug: without delays, with random ones, along schedules by PCT, and along the schedule that the explorer found, until a run fails.</summary>
    /// <param name="id">The mutant.</param>
    /// <param name="scenario">The scenario.</param>
    /// <param name="decisions">The explorer's schedule.</param>
    /// <returns>What became of each way.</returns>
    public static IEnumerable<RealResult> Run(string id, string scenario, string decisions)
    {
        Scenario program = KnownScenarios.Find(scenario) ?? throw new FormatException($"{id}.mutant names the scenario {scenario}, which there is not.");
        (string Way, StressPlan Plan)[] ways =
        [
            ("none", new StressPlan { Mode = DelayMode.None }),
            ("random", new StressPlan { Mode = DelayMode.Random }),
            ("pct", new StressPlan { Mode = DelayMode.Follow }),
            ("found", new StressPlan { Mode = DelayMode.Follow, Schedule = DecisionString.Parse(decisions) }),
        ];
        foreach ((string way, StressPlan plan) in ways)
        {
            StressResult result = new StressExplorer(program, plan with { Patience = TimeSpan.FromSeconds(10) }).Explore(new ExplorationLimits { MaxSchedules = RunsEach, MaxTime = _timeEach });
            yield return new RealResult(id, scenario, way, result.Progress.Runs, result.Failed is { } failed ? $"{failed.Failure.Kind}: {failed.Failure.Message}" : "-");
            if (result.Failed is { IsStuck: true })
                yield break; // Threads are left that may do anything.
        }
    }
}
