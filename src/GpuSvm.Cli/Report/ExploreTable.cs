// SPDX-License-Identifier: MIT
using System.Globalization;
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
}
