// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Lab.Races;

/// <summary>All that a picture of a race needs: what was run, how it went, and how to run it again.</summary>
/// <param name="Name">The scenario's name.</param>
/// <param name="Title">What the scenario shows, in a sentence; may be empty.</param>
/// <param name="Text">The scenario as it is written.</param>
/// <param name="Failure">What went wrong; null for a picture of a schedule that went well.</param>
/// <param name="Decisions">The schedule's decision string.</param>
/// <param name="Replay">The command that runs the schedule again.</param>
/// <param name="Trace">The steps.</param>
public sealed record RaceRecord(string Name, string Title, string Text, ScheduleFailure? Failure, string Decisions, string Replay, ScheduleTrace Trace)
{
    /// <summary>Runs a schedule again and keeps its steps.</summary>
    /// <param name="program">What is explored; the process must run with checks.</param>
    /// <param name="decisions">The schedule.</param>
    /// <returns>What a picture needs.</returns>
    public static RaceRecord OfReplay(IExploredProgram program, DecisionString decisions)
    {
        using var explorer = new ScheduleExplorer(program);
        ScheduleResult result = explorer.Replay(decisions, new ExplorationLimits().MaxSteps, records: true);
        var scenario = program as Scenario;
        return new RaceRecord(
            program.Name,
            scenario?.Title ?? string.Empty,
            scenario is null ? string.Empty : ScenarioWriter.Write(scenario),
            result.Failure,
            decisions.ToString(),
            $"gpusvm explore {program.Name} --replay {decisions}",
            result.Trace!);
    }
}
