// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>
/// Shows a study to a person: a table for each workload, oversubscription and cost model, with the policies in it and a bar of modelled time; the shortest is green. "in/out" are MiB to the device and
/// back, "back" pages that came back after they were evicted, accuracy, coverage and link use percent, "±" is half of the 95 % confidence interval of the time over the seeds.
/// </summary>
internal static class StudyTable
{
    /// <summary>Columns of the longest bar.</summary>
    private const int BarColumns = 6;

    /// <summary>Writes the tables.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="console">Where to.</param>
    public static void Write(IEnumerable<StudyRow> rows, IAnsiConsole console)
    {
        foreach (var part in Study.Group(rows).GroupBy(group => (group.Cell.Workload, group.Cell.Oversubscription, group.Cell.CostModel)))
        {
            StudyGroup[] groups = [.. part];
            var times = groups.Select(group => group.Mean(Time)).Where(double.IsFinite).DefaultIfEmpty(double.NaN);
            var (best, worst) = (times.Min(), times.Max());
            var table = new Table().Border(TableBorder.None).Title($"{Markup.Escape(part.Key.Workload)}, {Format.Share(part.Key.Oversubscription, 1)} of device memory, cost model {part.Key.CostModel}");
            foreach (var name in (string[])["policies", "faults", "batches", "in/out", "evicted", "back", "acc/cov", "link", "time", "±", ""])
                table.AddColumn((name is "policies" or "" ? new TableColumn(name) : new TableColumn(name).RightAligned()).NoWrap().Padding(0, 0, 1, 0));
            foreach (var group in groups)
                AddRow(table, group, best, worst);
            console.Write(table);
            console.WriteLine();
            foreach (var failed in groups.Where(group => group.Failure.Length > 0))
                console.MarkupLineInterpolated($"[red]{failed.Cell.PoliciesInWords()}[/]: {failed.Failure}");
        }

        console.MarkupLine("[grey]in/out: MiB to the device and to RAM; back: pages that came back after an eviction; accuracy/coverage of prefetch and link use in %; ±: 95 % confidence over seeds[/]");
    }

    /// <summary>Adds the row of some policies.</summary>
    private static void AddRow(Table table, StudyGroup group, double best, double worst)
    {
        if (group.Seeds == 0)
        {
            table.AddRow(group.Cell.PoliciesInWords(), "failed");
            return;
        }

        var time = group.Mean(Time);
        var spread = group.Confidence(Time);
        var columns = Math.Max(1, (int)Math.Round(BarColumns * time / worst));
        table.AddRow(
            new Text(group.Cell.PoliciesInWords()),
            Number(group, result => result.DeviceFaults),
            Number(group, result => result.Batches),
            new Text($"{Mean(group, result => result.BytesToDevice >> 20)}/{Mean(group, result => result.BytesToHost >> 20)}"),
            Number(group, result => result.EvictedPages),
            Number(group, result => result.ThrashedPages),
            new Text($"{Mean(group, result => 100 * result.PrefetchAccuracy)}/{Mean(group, result => 100 * result.PrefetchCoverage)}"),
            Number(group, result => 100 * result.LinkUse),
            new Text(Format.Seconds(time * 1e-9)),
            new Text(spread > 0 ? $"{Format.Significant(100 * spread / time)} %" : ""),
            new Markup($"[{(time <= best ? "green" : "grey")}]{new string('█', columns)}[/]"));
    }

    /// <summary>Modelled time.</summary>
    private static double Time(ReplayResult result) => result.ModelledNanoseconds;

    /// <summary>The mean of a figure, as a whole number.</summary>
    private static Text Number(StudyGroup group, Func<ReplayResult, double> figure) => new(Mean(group, figure));

    /// <summary>The mean of a figure, as a whole number in words.</summary>
    private static string Mean(StudyGroup group, Func<ReplayResult, double> figure) => Format.Count((long)Math.Round(group.Mean(figure)));
}
