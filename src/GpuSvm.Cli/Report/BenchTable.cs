// SPDX-License-Identifier: MIT
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows figures to a person: one table a group, ours beside the floor, and below everything how many goals were met.</summary>
internal static class BenchTable
{
    /// <summary>Writes the tables.</summary>
    /// <param name="report">All figures.</param>
    /// <param name="console">Where to.</param>
    public static void Write(BenchReport report, IAnsiConsole console)
    {
        var quick = report.Quick ? "; quick: small sizes, few rounds" : "";
        console.WriteLine($"{report.Processor}, {report.Processors} CPUs; {report.Kernel}; {report.Memory} memory{quick}");
        if (report.LoadAverage > report.Processors / 2.0)
            console.WriteLine($"The load average was {report.LoadAverage:0.0} when this began: other programs use the CPUs, and figures waver.");
        if (report.MemoryReason.Length > 0)
            console.WriteLine(report.MemoryReason);
        foreach (var group in report.Rows.GroupBy(row => row.Group))
            WriteGroup(group.Key, [.. group], console);
        if (report.Placement.Count > 0)
            console.WriteLine("Placement");
        foreach (var line in report.Placement)
            console.Write(new Padder(new Text(line), new Padding(2, 0, 0, 0)));
        var unknown = report.GoalsNotMeasured > 0 ? $", {report.GoalsNotMeasured} not measured" : "";
        console.WriteLine($"Goals: {report.GoalsMet} met, {report.GoalsMissed} missed{unknown}. Figures are medians.");
    }

    /// <summary>Writes one group; notes stand below the table, so that its columns stay narrow.</summary>
    private static void WriteGroup(string title, IReadOnlyList<BenchRow> rows, IAnsiConsole console)
    {
        var floor = rows.Select(row => row.FloorName).FirstOrDefault(name => name.Length > 0) ?? "none";
        var table = new Table().Border(TableBorder.Rounded).Title($"{title} [grey](floor: {Markup.Escape(floor)})[/]")
            .AddColumn("figure").AddColumn("unit").AddColumn(Right("ours")).AddColumn(Right("floor")).AddColumn(Right("ratio"))
            .AddColumn(Right("goal")).AddColumn("met?");
        var notes = new List<string>();
        foreach (var row in rows)
        {
            var mark = "";
            if (row.Note.Length > 0)
            {
                var place = notes.IndexOf(row.Note);
                if (place < 0)
                {
                    place = notes.Count;
                    notes.Add(row.Note);
                }

                mark = $" ({place + 1})";
            }

            var latency = !row.Unit.EndsWith("/s", StringComparison.Ordinal);
            table.AddRow(
                new Text(row.Name + mark),
                new Text(row.Unit),
                new Text(Value(row.Ours, row.OursP99)),
                new Text(Value(row.Floor, row.FloorP99)),
                new Text(row.Ratio is not { } ratio ? "-" : latency ? $"{Format.Significant(ratio)} x" : Format.Share(ratio, 1)),
                new Text(row.Goal is not { } goal ? "" : latency ? $"<= {goal:0.0} x" : $">= {goal * 100:0} %"),
                new Markup(row.Met switch { true => "[green]yes[/]", false => "[red]NO[/]", null => row.Goal is null ? "" : "[yellow]not measured[/]" }));
        }

        console.Write(table);
        for (var place = 0; place < notes.Count; place++)
            console.WriteLine($"({place + 1}) {notes[place]}");
        console.WriteLine();
    }

    /// <summary>A value with its 99th percentile, or a dash.</summary>
    private static string Value(double? median, double? p99)
        => median is not { } value ? "-"
            : p99 is { } high && high != value ? $"{Format.Significant(value)} (p99 {Format.Significant(high)})"
            : Format.Significant(value);

    /// <summary>A column whose numbers stand at its right edge.</summary>
    private static TableColumn Right(string name) => new TableColumn(name).RightAligned();
}
