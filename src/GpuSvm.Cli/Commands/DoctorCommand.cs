// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using Spectre.Console;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm doctor`: what this machine can do, and for each lack the exact remedy.</summary>
internal static class DoctorCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var json = CommandLine.TextOption("--json", "FILE", "Also write the findings as JSON; - for standard output, which then carries nothing else.");
        var command = new Command("doctor", "Say what this machine can do and how to enable the rest. Exit code 0 if real memory works.") { json };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var report = Examine();
            JsonFile.Write(path, report, ReportJson.Default.DoctorReport, console);
            if (!JsonFile.IsStandardOutput(path))
                Write(report, console.Ansi);
            return report.Memory == "real" ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Probes the machine, and opens a page of shared memory as `run` would: what then stands there is the truth.</summary>
    internal static DoctorReport Examine()
    {
        var checks = SharedMemory.Probe();
        using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = 1 << 20, CapacityBytes = 1 << 30, ComputeUnits = 1 });
        return new DoctorReport(memory.Kind == MemoryKind.Real ? "real" : "portable", memory.KindReason, checks);
    }

    /// <summary>Writes the table and the last line.</summary>
    private static void Write(DoctorReport report, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("check").NoWrap()).AddColumn("").AddColumn("found, and what to do");
        foreach (var check in report.Checks)
        {
            var text = check.Ok || check.Remedy.Length == 0 ? check.Detail : $"{check.Detail}\nremedy: {check.Remedy}";
            table.AddRow(new Text(check.Name), new Markup(check.Ok ? "[green]ok[/]" : "[red]no[/]"), new Text(text));
        }

        console.Write(table);
        console.WriteLine(report.Memory == "real"
            ? "gpusvm run will use real memory."
            : $"gpusvm run will use portable memory: {report.MemoryReason}");
    }
}
