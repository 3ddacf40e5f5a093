// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Races;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Mutants;

/// <summary>Looks for a mutant's bug, in the process that runs the mutated code.</summary>
internal static class MutantSearch
{
    private const long SchedulesEach = 5_000; // For one strategy in one scenario.
    private static readonly TimeSpan _timeEach = TimeSpan.FromSeconds(30); // So that a loaded machine searches as far as an idle one.

    /// <summary>Explores the scenarios, each exhaustively with up to two preemptions, then by priorities that change (PCT), until a schedule fails.</summary>
    /// <param name="id">The mutant.</param>
    /// <param name="scenarios">Names of scenarios.</param>
    /// <returns>What became of it.</returns>
    public static MutantResult Run(string id, IReadOnlyList<string> scenarios)
    {
        long schedules = 0;
        foreach (string name in scenarios)
        {
            Scenario scenario = KnownScenarios.Find(name) ?? throw new FormatException($"{id}.mutant names the scenario {name}, which there is not.");
            foreach ((string strategyName, IScheduleStrategy strategy) in ((string, IScheduleStrategy)[])[("exhaustive", new ExhaustiveStrategy(2, reduces: true)), ("pct", new PctStrategy(3, 1))])
            {
                using var explorer = new ScheduleExplorer(scenario);
                ExplorationResult result = explorer.Explore(strategy, new ExplorationLimits { MaxSchedules = SchedulesEach, MaxTime = _timeEach });
                schedules += result.Progress.Schedules;
                if (result.Failed is not { } failed)
                    continue;
                ScheduleResult shrunk = explorer.Shrink(failed, new ExplorationLimits());
                return new MutantResult(id, name, strategyName, result.Progress.Schedules, shrunk.Preemptions, shrunk.Decisions.ToString(), $"{shrunk.Failure!.Kind}: {FirstLine(shrunk.Failure.Message)}");
            }
        }

        return new MutantResult(id, "-", "-", schedules, 0, "-", "-");
    }

    /// <summary>Draws the schedule that found a mutant, in the process that runs the mutated code.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="path">The page.</param>
    public static void Draw(MutantResult result, string path)
    {
        using var writer = new StreamWriter(path);
        RacePage.Write(writer, RaceRecord.OfReplay(KnownScenarios.Find(result.Scenario)!, DecisionString.Parse(result.Decisions)));
    }

    /// <summary>What an exception says, without where it was thrown.</summary>
    /// <param name="message">The message of a failure.</param>
    /// <returns>Its first line.</returns>
    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
