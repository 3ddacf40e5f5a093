// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows what explorations have found.</summary>
internal static class ExploreTable
{
    /// <summary>Lists the scenarios that come with the tool.</summary>
    /// <param name="console">Where to.</param>
    public static void WriteKnown(ToolConsole console)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("name").AddColumn("title");
        foreach (string name in KnownScenarios.Names)
            table.AddRow(new Text(name), new Text(KnownScenarios.Find(name)!.Title));
        console.Ansi.Write(table);
        console.Output.WriteLine("gpusvm explore NAME... searches some of them, gpusvm explore all every one; a file of your own is named by its path (docs/explorer.md)");
    }

    /// <summary>Writes what was found in one scenario.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="console">Where to.</param>
    public static void Write(ExploredScenario report, ToolConsole console)
    {
        string searched = report.Exhausted >= 0 ? $"all with at most {report.Exhausted} preemption{(report.Exhausted == 1 ? "" : "s")}; " : string.Empty;
        console.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Scenario}: {(report.Failure is null ? "nothing went wrong" : "FAILED")}; {report.Schedules} schedules, {searched}{report.PerSecond:f0} a second; {report.Points} points, {report.Pairs} pairs; longest {report.MaxSteps} steps"));
        if (report.Failure is null)
            return;
        console.Output.WriteLine($"  {report.Failure}, with {report.Preemptions} preemptions: {report.Message}");
        console.Output.WriteLine($"  see it:  gpusvm explore {report.Scenario} --replay {report.Decisions}");
        if (report.Smallest is { } smallest)
            console.Output.WriteLine("  the smallest scenario found in which it happens:" + Environment.NewLine + "    " + smallest.TrimEnd().ReplaceLineEndings(Environment.NewLine + "    "));
    }

    /// <summary>Writes the last line for several scenarios.</summary>
    /// <param name="reports">What was found.</param>
    /// <param name="console">Where to.</param>
    public static void WriteSum(IReadOnlyList<ExploredScenario> reports, ToolConsole console)
    {
        int failed = reports.Count(report => report.Failure is not null);
        console.Output.WriteLine($"{reports.Count} scenarios, {reports.Sum(report => report.Schedules)} schedules; {(failed == 0 ? "nothing went wrong" : $"{failed} FAILED")}");
    }

    /// <summary>Writes one schedule step by step.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="result">The schedule, with its steps.</param>
    /// <param name="console">Where to.</param>
    public static void WriteSteps(IExploredProgram scenario, ScheduleResult result, ToolConsole console)
    {
        ScheduleTrace trace = result.Trace!;
        int width = trace.Threads.Max(name => name.Length);
        console.Output.WriteLine(scenario is Scenario { Title: { Length: > 0 } title } ? $"{scenario.Name}: {title}" : scenario.Name);
        foreach (ScheduleStep step in trace.Steps)
        {
            string who = step.Thread < 0 ? "" : trace.Threads[step.Thread];
            string what = step.Act switch
            {
                ScheduleAct.Point => $"{step.Kind} {step.Subject}",
                ScheduleAct.Note => $"== {step.Subject}",
                ScheduleAct.Time => "(time passes)",
                _ => $"{step.Act.ToString().ToUpperInvariant()} {step.Subject}",
            };
            string state = step.Watched is { } watched ? "   | " + string.Join(", ", watched.Select(item => $"{item.Name}: {item.State}")) : string.Empty;
            console.Output.WriteLine($"{(step.IsPreemption ? '>' : ' ')} {who.PadRight(width)}  {what.TrimEnd()}{state}");
        }

        console.Output.WriteLine(result.Failure is { } failure ? $"{failure.Kind}: {failure.Message}" : "nothing went wrong");
    }
}
