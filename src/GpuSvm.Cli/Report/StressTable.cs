// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Stress;

namespace GpuSvm.Cli.Report;

/// <summary>Shows what runs on real memory have come to.</summary>
internal static class StressTable
{
    /// <summary>Writes what was found in one scenario.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="console">Where to.</param>
    public static void Write(StressedScenario report, ToolConsole console)
    {
        console.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Scenario}: {(report.Failure is null ? "nothing went wrong" : "FAILED")}; {report.Runs} runs, {report.PerSecond:f0} a second; {report.Pairs} pairs, {report.PairsReached} of the explorer's {report.PairsExplored}; windows hit: {Describe(report)}"));
        foreach (string difference in report.Differences)
            console.Output.WriteLine($"  {difference}");
        if (report.Failure is null)
            return;
        console.Output.WriteLine($"  {report.Failure}: {report.Message}");
        console.Output.WriteLine($"  again:  {report.Repeat}");
    }

    /// <summary>Writes the last line for several scenarios.</summary>
    /// <param name="reports">What was found.</param>
    /// <param name="console">Where to.</param>
    public static void WriteSum(IReadOnlyList<StressedScenario> reports, ToolConsole console)
    {
        int failed = reports.Count(report => report.Failure is not null);
        int explored = reports.Sum(report => report.PairsExplored);
        console.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{reports.Count} scenarios, {reports.Sum(report => report.Runs)} runs; {reports.Sum(report => report.PairsReached)} of the explorer's {explored} pairs; {(failed == 0 ? "nothing went wrong" : $"{failed} FAILED")}"));
    }

    /// <summary>How many windows were hit, by kind of delays.</summary>
    private static string Describe(StressedScenario report)
    {
        (string Name, StressWindows Windows)[] all = [("undelayed", report.Undelayed), ("random", report.Random), ("followed", report.Followed)];
        string[] told = [.. all.Where(kind => kind.Windows.Runs > 0).Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Name} {kind.Windows.Hits} of {kind.Windows.Windows}"))];
        return told.Length == 0 ? "none tried" : string.Join(", ", told);
    }
}
