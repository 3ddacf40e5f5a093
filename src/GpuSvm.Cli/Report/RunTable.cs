// SPDX-License-Identifier: MIT
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows a run to a person: what ran where, what moved, where fault time went.</summary>
internal static class RunTable
{
    /// <summary>Writes the tables.</summary>
    /// <param name="report">The run.</param>
    /// <param name="console">Where to.</param>
    public static void Write(RunReport report, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn(new TableColumn("").NoWrap()).AddColumn("");
        Add(table, "workload", $"{report.Workload} on {report.Input}");
        Add(table, "memory", report.MemoryReason.Length == 0 ? report.Memory : $"{report.Memory}: {report.MemoryReason}");
        Add(table, "device memory", Format.Bytes(report.DeviceMemoryBytes) + (report.DeviceMemoryChosen ? Chosen(report) : ""));
        Add(table, "data", Format.Bytes(report.DataBytes));
        Add(table, "elapsed", $"{Format.Seconds(report.ElapsedSeconds)} (before it {Format.Seconds(report.FillSeconds)} to fill with {report.Threads} CPU threads, "
            + $"after it {Format.Seconds(report.VerifySeconds)} to verify)");
        Add(table, "effective", $"{Format.Significant(report.EffectiveGbPerS)} GB/s: {report.EffectiveDefinition}");
        table.AddEmptyRow();
        Add(table, "GPU faults", Format.Count(report.GpuFaults) + Details((report.GpuFaultsValid, "already bound"), (report.GpuFaultRetries, "retries")));
        Add(table, "CPU faults", Format.Count(report.CpuFaults) + Details((report.CpuFaultsMigrated, "back from the device")));
        Add(table, "to device", $"{Format.Bytes(report.BytesToDevice)} in {Format.Count(report.MigrationsToDevice)} blocks");
        Add(table, "to RAM", $"{Format.Bytes(report.BytesToRam)} in {Format.Count(report.MigrationsToRam)} blocks");
        Add(table, "evictions", $"{Format.Count(report.Evictions)} blocks");
        foreach (var injection in report.Injections)
        {
            Add(table, "injected", $"{injection.Point}: hit {Format.Count(injection.Hit)} of {Format.Count(injection.Hits)} "
                + (injection.Failed ? "failed on purpose" : "never came"));
        }

        table.AddEmptyRow();
        var verdict = report.Verified ? "[green]yes[/]" : "[red]NO[/]";
        table.AddRow(new Markup("verified"), new Markup($"{verdict}: {Markup.Escape(report.Verification)}"));
        var hold = report.Invariants == RunReport.InvariantsHold;
        table.AddRow(new Markup("invariants"), hold ? new Markup("[green]hold[/]") : new Markup($"[red]BROKEN[/]: {Markup.Escape(report.Invariants)}"));
        console.Write(table);
        WriteStages(report, console);
    }

    /// <summary>Writes where the time of GPU fault service went.</summary>
    private static void WriteStages(RunReport report, IAnsiConsole console)
    {
        var stages = report.StageSeconds;
        var table = new Table().Border(TableBorder.Rounded).AddColumn("GPU fault service")
            .AddColumn(new TableColumn("time").RightAligned()).AddColumn(new TableColumn("share").RightAligned())
            .AddColumn(new TableColumn("per fault").RightAligned());
        var named = stages.Find + stages.Migrate + stages.GetPages + stages.Bind;
        (string Name, double Seconds)[] rows =
        [
            ("find (range lookup)", stages.Find),
            ("migrate (evict, copy to device)", stages.Migrate),
            ("get pages (host fault, map for device)", stages.GetPages),
            ("bind (page table)", stages.Bind),
            ("other (queue, locks, acknowledge)", Math.Max(0, report.FaultSeconds - named)),
            ("all", report.FaultSeconds),
        ];
        foreach (var (name, seconds) in rows)
        {
            table.AddRow(
                name,
                Format.Seconds(seconds),
                Format.Share(seconds, report.FaultSeconds),
                report.GpuFaults > 0 ? Format.Seconds(seconds / report.GpuFaults) : "-");
        }

        if (report.CpuFaults > 0)
            table.AddRow("CPU fault service, all", Format.Seconds(report.CpuFaultSeconds), "", Format.Seconds(report.CpuFaultSeconds / report.CpuFaults));
        console.Write(table);
    }

    /// <summary>Says why the device memory is what it is, where the tool chose it.</summary>
    private static string Chosen(RunReport report)
        => report.DeviceMemoryBytes < report.DataBytes
            ? ": chosen smaller than the data, so that pages must come and go; --device-memory sets it"
            : ": the least the tool chooses, and the data fits; --device-memory sets it";

    /// <summary>The counts that are not zero, in brackets.</summary>
    private static string Details(params ReadOnlySpan<(long Count, string Name)> parts)
    {
        var texts = new List<string>();
        foreach (var (count, name) in parts)
        {
            if (count > 0)
                texts.Add($"{Format.Count(count)} {name}");
        }

        return texts.Count == 0 ? "" : $" ({string.Join(", ", texts)})";
    }

    /// <summary>Adds a row of plain text.</summary>
    private static void Add(Table table, string name, string text) => table.AddRow(new Text(name), new Text(text));
}
