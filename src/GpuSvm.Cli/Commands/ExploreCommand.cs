// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Globalization;
using GpuSvm.Cli.Explore;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Races;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm explore`: searches the interleavings of a small program over the library's own code for one in which something goes wrong.</summary>
internal static class ExploreCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var scenarios = new Argument<string[]>("SCENARIO")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Names of scenarios that come with the tool (R-1 to R-30 and more), files, random:SEED, or all. Without any: what there is.",
        };
        var strategy = CommandLine.TextOption("--strategy", "exhaustive|pct|random", "How schedules are chosen; exhaustive is the default.");
        var bound = CommandLine.TextOption("--bound", "N", "The most preemptions of an exhaustive search, 0 to 20 (default 2); the depth of PCT (default 3).");
        var budget = CommandLine.TextOption("--budget", "N|SECONDSs", "The most schedules, or seconds with an s, for each scenario; 30s is the default.");
        var seed = CommandLine.TextOption("--seed", "N", "Where random numbers begin; 1 is the default.");
        var threads = CommandLine.TextOption("--threads", "N", "Processes that share the search, 1 to 64 (default 1).");
        var share = CommandLine.TextOption("--share", "I/N", "Only part I of N of the search, 1 to N: for machines that share one.");
        var replay = CommandLine.TextOption("--replay", "DECISIONS", "Run one schedule again, as a failure prints it, and show its steps.");
        var picture = CommandLine.TextOption("--picture", "FILE", "Draw the schedule that failed, or the one replayed, as a page for a browser; of several failures the last.");
        var memory = CommandLine.TextOption("--memory", "simulated|real", "Where scenarios run: on the explorer's own memory (the default), or with real threads on this process's own, by userfaultfd.");
        var delay = CommandLine.TextOption("--delay", "mixed|none|random[:SEED]|follow", "How threads on real memory are delayed: at random, as the explorer's schedules go, not at all, or each in turn (the default).");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var command = new Command("explore", "Search the orders in which threads can run for one that breaks the protocol. Exit code 0 if none was found, 1 if one was.")
        {
            scenarios, strategy, bound, budget, seed, threads, share, replay, picture, memory, delay, json,
        };
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(scenarios)!;
            if (names.Length == 0)
            {
                ExploreTable.WriteKnown(console);
                return ExitCode.Done;
            }

            AppContext.SetSwitch("GpuSvm.Checks", true); // Before Core is used first: without checks there are no schedule points.
            bool isReal = StressSettings.IsReal(parsed.GetValue(memory), parsed.GetValue(delay));
            var settings = new ExploreSettings(
                parsed.GetValue(strategy) ?? (isReal ? "pct" : null),
                parsed.GetValue(bound),
                parsed.GetValue(budget),
                parsed.GetValue(seed),
                parsed.GetValue(threads),
                parsed.GetValue(share));
            string? path = parsed.GetValue(json);
            JsonFile.Check(path);
            bool silent = JsonFile.IsStandardOutput(path);
            List<IExploredProgram> programs = [.. names.SelectMany(Find)];
            string? page = parsed.GetValue(picture);
            RaceFile.Check(page);
            if (isReal)
            {
                if (page is not null || settings.Processes > 1 || settings.Parts > 1)
                    throw new InputException("--memory real: cannot be drawn or shared; leave --picture, --threads and --share out");
                return StressRunner.Run(programs, StressSettings.PlanOf(parsed.GetValue(delay), parsed.GetValue(replay), settings), settings.Limits, path, console);
            }

            if (parsed.GetValue(replay) is { } decisions)
                return Replay(programs, decisions, page, console);
            var reports = new List<ExploredScenario>();
            foreach (IExploredProgram program in programs)
            {
                ExploredScenario report = Progress.Show(console, silent, progress => ExploreRunner.Run(program, settings, progress));
                reports.Add(report);
                if (!silent)
                    ExploreTable.Write(report, console);
                if (report.Decisions is { } failed)
                    RaceFile.Write(page, program, failed);
            }

            JsonFile.Write(path, new ExploreReport(settings.StrategyName, settings.Bound, settings.Seed, reports), ReportJson.Default.ExploreReport, console);
            if (!silent && reports.Count > 1)
                ExploreTable.WriteSum(reports, console);
            return reports.TrueForAll(report => report.Failure is null) ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>The scenarios that a word means.</summary>
    /// <param name="word">A name, a file, random:SEED, or all.</param>
    /// <exception cref="InputException">There is none of that name, or the file cannot be read.</exception>
    private static IEnumerable<IExploredProgram> Find(string word)
    {
        if (word == CounterProgram.ToolName)
            return [new CounterProgram()];
        if (word == "all")
            return KnownScenarios.Names.Select(name => KnownScenarios.Find(name)!);
        if (word.StartsWith("random:", StringComparison.Ordinal))
        {
            return ulong.TryParse(word["random:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
                ? [ScenarioReader.Parse(ScenarioGenerator.MakeText(number))]
                : throw new InputException($"{word}: give a whole number as the seed, as in random:17");
        }

        if (KnownScenarios.Find(word) is { } known)
            return [known];
        if (!File.Exists(word))
        {
            string? nearest = NearestName.Find(word, KnownScenarios.Names);
            throw new InputException($"{word}: no scenario of that name, and no such file; {(nearest is null ? "" : $"did you mean {nearest}? ")}gpusvm explore lists what there is");
        }

        try
        {
            Scenario read = ScenarioReader.Parse(File.ReadAllText(word));
            return [read with { Name = word }];
        }
        catch (ScenarioFormatException e)
        {
            throw new InputException($"{word}, {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{word}: cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions", e);
        }
    }

    /// <summary>Runs one schedule and shows its steps.</summary>
    /// <param name="programs">The scenario.</param>
    /// <param name="text">The decisions.</param>
    /// <param name="page">Where to draw it; null for nowhere.</param>
    /// <param name="console">Where to.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="InputException">There are several scenarios, or the decisions are none.</exception>
    private static int Replay(List<IExploredProgram> programs, string text, string? page, ToolConsole console)
    {
        if (programs.Count != 1)
            throw new InputException("--replay: name one scenario, the one whose failure printed the decisions");
        DecisionString decisions = ExploreSettings.ParseDecisions(text);
        RaceRecord record = RaceRecord.OfReplay(programs[0], decisions);
        RaceText.Write(console.Output, record);
        RaceFile.Write(page, record);
        return record.Failure is null ? ExitCode.Done : ExitCode.Failed;
    }
}
