// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;

namespace GpuSvm.Mutants;

/// <summary>Writes docs/history.md.</summary>
internal static class HistoryPage
{
    private const string Own = "own";

    /// <summary>Makes the page.</summary>
    /// <param name="mutants">All mutants.</param>
    /// <param name="results">What became of them.</param>
    /// <param name="really">What became of those that were looked for on real memory.</param>
    /// <param name="rows">The history: a row a line, "number | problem | why it cannot happen here"; the last is empty where a mutant repeats it.</param>
    /// <returns>The page's text.</returns>
    public static string Make(IReadOnlyList<Mutant> mutants, IReadOnlyDictionary<string, MutantResult> results, IReadOnlyList<RealResult> really, IReadOnlyList<string> rows)
    {
        Mutant[] own = [.. mutants.Where(mutant => mutant.Rows.Contains(Own))];
        int found = mutants.Count(mutant => IsFound(mutant, results));
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # History as the judge

            Written by `tests/GpuSvm.Mutants` from the folder `mutants`; edit those. A mutant is a bug put into a copy of Core; the schedule explorer then looks for it in the
            scenarios that the mutant names, each exhaustively with up to two preemptions, then with PCT (depth 3, seed 1), at most 5,000 schedules or 30 seconds each.

                dotnet build tests/GpuSvm.Mutants -c Release
                dotnet artifacts/bin/GpuSvm.Mutants/release/GpuSvm.Mutants.dll [--new | --page | ID...]   # all, those without a result, only this page, or some

            Of {mutants.Count} mutants {found} are found. Schedules are those until the first failure; preemptions are those of the shrunk schedule, which `mutants/results.txt` keeps.

            ## The kernel's bugs

            K is a bug that drm_gpusvm and drm_pagemap had and fixed, D one of the drivers over them, S one that is only suspected.

            | row | what was wrong there | mutant here | found by | schedules | preemptions | failure |
            |---|---|---|---|---|---|---|

            """);
        foreach (string line in rows)
        {
            string[] parts = [.. line.Split('|').Select(part => part.Trim())];
            if (parts.Length != 3)
                throw new FormatException($"mutants/rows.txt: a row is \"number | problem | why not\", this is not: {line}");
            Mutant[] here = [.. mutants.Where(mutant => mutant.Rows.Contains(parts[0]))];
            if (here.Length == 0)
                page.Append(CultureInfo.InvariantCulture, $"| {parts[0]} | {parts[1]} | none: {parts[2]} | | | | |\n");
            for (int i = 0; i < here.Length; i++)
                page.Append(CultureInfo.InvariantCulture, $"| {parts[0]} | {parts[1]} | `{here[i].Id}`: {here[i].Wrong} {Outcome(here[i], results)}\n");
        }

        page.Append("""

            ## Our own synchronisation

            | mutant | what is wrong | found by | schedules | preemptions | failure |
            |---|---|---|---|---|---|

            """);
        foreach (Mutant mutant in own)
            page.Append(CultureInfo.InvariantCulture, $"| `{mutant.Id}` | {mutant.Wrong} {Outcome(mutant, results)}\n");
        AddReal(page, results, really);
        return page.ToString();
    }

    /// <summary>Writes the part about real memory.</summary>
    /// <param name="page">Gets it.</param>
    /// <param name="results">What the explorer found.</param>
    /// <param name="really">What was found on real memory.</param>
    private static void AddReal(StringBuilder page, IReadOnlyDictionary<string, MutantResult> results, IReadOnlyList<RealResult> really)
    {
        IGrouping<string, RealResult>[] mutants = [.. really.GroupBy(result => result.Id)];
        page.Append(CultureInfo.InvariantCulture, $"""

            ## On real memory

            The same bugs, where real threads meet on the process's own pages ([explorer.md](explorer.md#on-real-memory)): the scenario in which the explorer found each, run until a run fails, in four ways, each at most 500 runs
            or 20 seconds: undelayed; with random delays; along schedules by PCT (depth 3); along the schedule that the explorer had found. Numbers are runs until the first failure, in one try; "> n" is a bug not seen in n runs.
            Of {mutants.Length} mutants {mutants.Count(mutant => mutant.Any(way => way.IsFound))} are seen. `GpuSvm.Mutants.dll --real ID...` looks for more.

            | mutant | scenario | explorer | undelayed | random | along PCT | along the found one | failure |
            |---|---|---|---|---|---|---|---|

            """);
        foreach (IGrouping<string, RealResult> mutant in mutants)
        {
            RealResult shown = mutant.LastOrDefault(way => way.IsFound) ?? mutant.Last();
            IEnumerable<string> ways = RealResult.Ways.Select(way => mutant.FirstOrDefault(result => result.Way == way) is { } result
                ? string.Create(CultureInfo.InvariantCulture, $"{(result.IsFound ? "" : "> ")}{result.Runs}") : "not run");
            page.Append(CultureInfo.InvariantCulture, $"| `{mutant.Key}` | {shown.Scenario} | {(results.TryGetValue(mutant.Key, out MutantResult? found) ? found.Schedules : 0)} | {string.Join(" | ", ways)} | {shown.Failure.Replace("|", "/", StringComparison.Ordinal)} |\n");
        }
    }

    /// <summary>Whether a mutant was found.</summary>
    /// <param name="mutant">The mutant.</param>
    /// <param name="results">All results.</param>
    /// <returns>True if so.</returns>
    private static bool IsFound(Mutant mutant, IReadOnlyDictionary<string, MutantResult> results) => results.TryGetValue(mutant.Id, out MutantResult? result) && result.IsFound;

    /// <summary>The columns that say who found a mutant.</summary>
    /// <param name="mutant">The mutant.</param>
    /// <param name="results">All results.</param>
    /// <returns>Four columns.</returns>
    private static string Outcome(Mutant mutant, IReadOnlyDictionary<string, MutantResult> results)
    {
        if (!results.TryGetValue(mutant.Id, out MutantResult? result))
            return "| not run | | | |";
        return result.IsFound
            ? string.Create(CultureInfo.InvariantCulture, $"| {result.Scenario}, {result.Strategy} | {result.Schedules} | {result.Preemptions} | {result.Failure.Replace("|", "/", StringComparison.Ordinal)} |")
            : string.Create(CultureInfo.InvariantCulture, $"| **not found** | {result.Schedules} | | {mutant.Note} |");
    }
}
