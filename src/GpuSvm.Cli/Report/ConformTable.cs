// SPDX-License-Identifier: MIT
using System.Globalization;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows where traces differ.</summary>
internal static class ConformTable
{
    /// <summary>Writes each trace's first difference, with the pages around it, and the last line.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="console">Where to.</param>
    public static void Write(ConformReport report, ToolConsole console)
    {
        foreach (var difference in report.Differences)
        {
            console.Output.WriteLine(difference.Trace);
            console.Output.WriteLine($"  kernel: {difference.Expected}");
            console.Output.WriteLine($"  here:   {difference.Actual}");
            if (difference.Pages.Count == 0)
                continue;
            var table = new Table().Border(TableBorder.Rounded).AddColumn("page").AddColumn("before the step").AddColumn("after it");
            foreach (var page in difference.Pages)
                table.AddRow(new Text(page.Page.ToString(CultureInfo.InvariantCulture)), new Text(page.Before), new Text(page.After));
            console.Ansi.Write(table);
        }

        if (report.OtherFaultCounts + report.OtherPlacements > 0)
            console.Output.WriteLine($"lines that may differ on real memory (docs/conformance.md): {report.OtherFaultCounts} in the number of faults only, {report.OtherPlacements} in where pages are");
        console.Output.WriteLine($"{report.Equal} of {report.Traces} traces equal");
    }
}
