// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Text.Json;
using GpuSvm.Cli.Report;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Cli.Explore;

/// <summary>Explores one scenario, in this process or in several.</summary>
internal static class ExploreRunner
{
    /// <summary>Explores.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="settings">How.</param>
    /// <param name="progress">Told how far it has come.</param>
    /// <returns>What was found.</returns>
    public static ExploredScenario Run(IExploredProgram scenario, ExploreSettings settings, Progress progress)
        => settings.Processes > 1 && scenario is Scenario shared ? RunShared(shared, settings, progress) : RunHere(scenario, settings, progress);

    /// <summary>Explores in this process.</summary>
    private static ExploredScenario RunHere(IExploredProgram scenario, ExploreSettings settings, Progress progress)
    {
        progress.Stage($"exploring {scenario.Name}");
        using var explorer = new ScheduleExplorer(scenario);
        ExplorationResult result = explorer.Explore(settings.CreateStrategy(), settings.Limits, now => progress.Tell(Describe(now)));
        ScheduleResult? small = null;
        string? smaller = null;
        if (result.Failed is { } failed)
        {
            progress.Stage($"making the failure of {scenario.Name} smaller");
            small = explorer.Shrink(failed, settings.Limits);
            if (scenario is Scenario whole && ScenarioShrinker.Shrink(whole, small, settings.Limits) is var (smallest, again) && smallest.OperationCount < whole.OperationCount)
                smaller = $"# as a file: gpusvm explore FILE --replay {again.Decisions}\n{ScenarioWriter.Write(smallest)}";
        }

        return new ExploredScenario(
            scenario.Name,
            (scenario as Scenario)?.Title ?? string.Empty,
            result.Progress.Schedules,
            result.Progress.Elapsed.TotalSeconds,
            result.Progress.PerSecond,
            result.Progress.Points,
            result.Progress.Pairs,
            result.MaxSteps,
            result.Exhausted,
            small?.Failure?.Kind.ToString(),
            small?.Failure?.Message,
            small?.Preemptions,
            small?.Decisions.ToString(),
            smaller);
    }

    /// <summary>Explores in several processes, each a part.</summary>
    /// <exception cref="InputException">A process cannot be started, or says nothing that can be read.</exception>
    private static ExploredScenario RunShared(Scenario scenario, ExploreSettings settings, Progress progress)
    {
        progress.Stage($"exploring {scenario.Name} in {settings.Processes} processes");
        string file = Path.Combine(Path.GetTempPath(), $"gpusvm-explore-{Environment.ProcessId}.scenario");
        File.WriteAllText(file, ScenarioWriter.Write(scenario));
        try
        {
            Process[] processes = [.. Enumerable.Range(0, settings.Processes).Select(part => Start(file, settings, part))];
            ExploredScenario[] parts = [.. processes.Select(process => Read(process, file))];
            return Join(scenario, parts);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Starts this tool for one part.</summary>
    private static Process Start(string file, ExploreSettings settings, int part)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(ExploreRunner).Assembly.Location);
        foreach (string word in (string[])["explore", file, "--strategy", settings.StrategyName, "--bound", $"{settings.Bound}", "--budget", settings.BudgetText, "--seed", $"{settings.Seed}", "--share", $"{part + 1}/{settings.Processes}", "--json", "-"])
            start.ArgumentList.Add(word);
        return Process.Start(start) ?? throw new InputException("--threads: no further process can be started; leave it out");
    }

    /// <summary>Reads what one part has found.</summary>
    private static ExploredScenario Read(Process process, string file)
    {
        using (process)
        {
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode is 0 or 1 && JsonSerializer.Deserialize(text, ReportJson.Default.ExploreReport) is { Scenarios: [var only] } ? only
                : throw new InputException($"--threads: a process that searched a part of {file} ended with code {process.ExitCode}; try without --threads");
        }
    }

    /// <summary>Adds parts up.</summary>
    private static ExploredScenario Join(Scenario scenario, ExploredScenario[] parts)
    {
        ExploredScenario shown = parts.Where(part => part.Failure is not null).OrderBy(part => part.Preemptions).FirstOrDefault() ?? parts[0];
        return shown with
        {
            Scenario = scenario.Name,
            Schedules = parts.Sum(part => part.Schedules),
            Seconds = parts.Max(part => part.Seconds),
            PerSecond = parts.Sum(part => part.PerSecond),
            Points = parts.Max(part => part.Points),
            Pairs = parts.Max(part => part.Pairs),
            MaxSteps = parts.Max(part => part.MaxSteps),
            Exhausted = parts.Min(part => part.Exhausted),
        };
    }

    /// <summary>How far an exploration has come, on one line.</summary>
    private static string Describe(ExplorationProgress now)
        => $"{now.Schedules} schedules, {now.PerSecond:f0} a second; {now.Points} points, {now.Pairs} pairs{(now.Level >= 0 ? $"; at most {now.Level} preemptions" : "")}";
}
