// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Traces;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm replay`: a trace or a generated workload on the simulated machine, under chosen policies, in modelled time.</summary>
internal static class ReplayCommand
{
    /// <summary>Time between two looks at how far a replay is.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var machine = new MachineOptions();
        var log = CommandLine.TextOption("--log", "FILE", "Write a trace of the replay: accesses, faults, migrations, evictions, with modelled times.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var report = CommandLine.TextOption("--report", "FILE", "Also write a page for a browser: what cost most, over time and by address, and what would help.");
        var command = new Command("replay", "Replay a trace or a generated workload on the simulated machine: faults, bytes, evictions and modelled time under chosen policies.")
        {
            log, report, json, quiet,
        };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            var settings = machine.Settings(parsed);
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var page = parsed.GetValue(report);
            PageFile.Check(page);
            var options = machine.WorkloadOptions(parsed);
            var source = parsed.GetValue(machine.Source)!;
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var (result, seconds) = Progress.Show(console, silent, progress => Replay(source, options, settings, parsed.GetValue(log), progress));
            JsonFile.Write(path, result, ReportJson.Default.ReplayReport, console);
            if (!silent)
                ReplayTable.Write(result, seconds, console.Ansi);
            if (page is not null)
                ReportCommand.WriteExplanation(page, ExplainCommand.Explain(source, options, settings, Environment.ProcessorCount, console, silent), []);
            return result.Result.FailedAccesses == 0 && result.Problem.Length == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Replays.</summary>
    /// <param name="source">A trace's path, or a workload's name.</param>
    /// <param name="options">The size of a workload.</param>
    /// <param name="settings">The machine.</param>
    /// <param name="logPath">Where the trace of the replay goes; null for nowhere.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The report, and the seconds that the replay took.</returns>
    private static (ReplayReport Report, double Seconds) Replay(string source, WorkloadOptions options, ReplaySettings settings, string? logPath, Progress progress)
    {
        progress.Stage($"preparing {source}");
        var workload = LabInput.Workload(source, options);
        var deviceBytes = settings.DeviceBytesFor(workload.FootprintBytes);
        try
        {
            using var log = logPath is null ? null : OpenLog(logPath, workload, settings, deviceBytes);
            using var machine = settings.Build(workload, log);
            progress.Stage($"replaying {workload.Description}");
            var start = Stopwatch.GetTimestamp();
            using (new Timer(_ => progress.Step(machine.Accesses, 0, "access"), null, LookInterval, LookInterval))
                workload.Generate(machine);
            var result = machine.Result();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            log?.Complete();
            var policies = settings.Policies;
            var problem = (workload as RecordedWorkload)?.Problem ?? "";
            return (
                new ReplayReport(
                    workload.Description, workload.FootprintBytes, deviceBytes, policies.Chunk, policies.Prefetch, policies.Evict, policies.Thrash, policies.Seed, settings.CostModel, problem, result),
                seconds);
        }
        catch (ReplayException e)
        {
            throw new InputException($"{source}: {e.Message}", e);
        }
    }

    /// <summary>Begins the trace of the replay.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    private static TraceWriter OpenLog(string path, IWorkload workload, ReplaySettings settings, long deviceBytes)
    {
        var header = new TraceHeader
        {
            Source = $"replay of {workload.Description}",
            PageBytes = PageSize.Bytes,
            CostModel = settings.CostModel.Name,
            DeviceMemoryBytes = [.. Enumerable.Repeat(deviceBytes, (workload as RecordedWorkload)?.Devices ?? 1)],
            Properties = new Dictionary<string, string> { ["policies"] = settings.Policies.ToString() },
        };
        try
        {
            return TraceWriter.Create(path, header);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--log {path}: cannot be written ({e.Message.TrimEnd('.')}); give a file in an existing folder", e);
        }
    }
}
