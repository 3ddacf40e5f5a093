// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Mutants;

/// <summary>Searches every scenario as far as a budget of schedules allows, and writes docs/searched.md.</summary>
internal static class SearchedPage
{
    private const long SchedulesEach = 3_000;

    /// <summary>Searches and makes the page.</summary>
    /// <param name="results">Which scenario has found which mutant.</param>
    /// <returns>The page's text.</returns>
    /// <exception cref="InvalidOperationException">A scenario fails: there is a bug.</exception>
    public static string Make(IReadOnlyDictionary<string, MutantResult> results)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # What is searched, and how far

            Written by `dotnet artifacts/bin/GpuSvm.Mutants/release/GpuSvm.Mutants.dll --searched`; do not edit. Each scenario that comes with the explorer ([explorer.md](explorer.md)), searched exhaustively with
            rising numbers of preemptions for {SchedulesEach:n0} schedules: the bound up to which every order has been looked at, the schedules that took, or all {SchedulesEach:n0} where the bound after it was not
            finished; the different points that threads came past, and the pairs of points at which the turn went from one thread to another; the steps of the longest schedule; and the mutants
            ([history.md](history.md)) that the scenario was the first to find. Nothing failed.

            The suite searches each to one preemption completely; `GPUSVM_EXPLORE_SECONDS` gives more ([testing.md](testing.md)).

            | scenario | what happens | exhausted to | schedules | points | pairs | longest | mutants found |
            |---|---|---|---|---|---|---|---|

            """);
        foreach (string name in KnownScenarios.Names)
        {
            Scenario scenario = KnownScenarios.Find(name)!;
            using var explorer = new ScheduleExplorer(scenario);
            ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(16), new ExplorationLimits { MaxSchedules = SchedulesEach });
            if (result.Failed is { } failed)
                throw new InvalidOperationException($"{name} fails: {failed.Failure!.Message} (gpusvm explore {name} --replay {failed.Decisions})");
            int found = results.Values.Count(mutant => mutant.Scenario == name);
            string bound = result.Exhausted >= 16 || result.Progress.Schedules < SchedulesEach ? "all orders" : result.Exhausted.ToString(CultureInfo.InvariantCulture);
            page.Append(CultureInfo.InvariantCulture, $"| `{name}` | {scenario.Title} | {bound} | {result.Progress.Schedules:n0} | {result.Progress.Points} | {result.Progress.Pairs} | {result.MaxSteps} | {found} |\n");
            Console.WriteLine($"{name}: {bound}, {result.Progress.Schedules} schedules");
        }

        return page.ToString();
    }
}
