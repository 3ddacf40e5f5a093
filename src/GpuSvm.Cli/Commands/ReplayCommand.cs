// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

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
        var source = new Argument<string>("TRACE|WORKLOAD") { Description = $"A trace file, or a workload that is generated: {LabInput.WorkloadList}\n" };
        var size = CommandLine.TextOption("--size", "SIZE", "About how many bytes a generated workload touches; default 12M.");
        var iterations = CommandLine.TextOption("--iterations", "N", "Rounds, time steps or tokens of a generated workload; default 1.");
        var graph = CommandLine.TextOption("--graph", "FILE", "The graph of bfs and sssp; default a Kronecker graph of the size.");
        var device = CommandLine.TextOption("--device-memory", "SIZE", "The memory of each device; default that of the recorded run, or twice what is touched.");
        var oversubscription = CommandLine.TextOption("--oversubscription", "N", "Instead: how much is touched for each byte of it, as 1.25 or 125%.");
        var chunk = CommandLine.TextOption("--chunk", string.Join('|', ReplayPolicies.ChunkNames), "The largest piece that moves at once; default 2M.");
        var prefetch = CommandLine.TextOption("--prefetch", string.Join('|', ReplayPolicies.PrefetchNames), "What else comes with a fault; default none.");
        var evict = CommandLine.TextOption("--evict", string.Join('|', ReplayPolicies.EvictNames), "What leaves a full device; default unused.");
        var thrash = CommandLine.TextOption("--thrash", string.Join('|', ReplayPolicies.ThrashNames), "What becomes of pages that go to and fro; default back-off.");
        var costModel = CommandLine.TextOption("--cost-model", LabInput.CostModelNames, "What things cost; default uvm-smart.");
        var seed = CommandLine.TextOption("--seed", "N", "Seed of everything random; default 1. The same seed gives the same result to the last byte.");
        var log = CommandLine.TextOption("--log", "FILE", "Write a trace of the replay: accesses, faults, migrations, evictions, with modelled times.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("replay", "Replay a trace or a generated workload on the simulated machine, a recorded run under its own policies where no others are given: faults, bytes, evictions and modelled time under chosen policies.")
        {
            source, size, iterations, graph, device, oversubscription, chunk, prefetch, evict, thrash, costModel, seed, log, json, quiet,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(device) is not null && parsed.GetValue(oversubscription) is not null)
                throw new InputException("--device-memory and --oversubscription both say how much a device holds: leave one of them out");
            var seedValue = LabInput.Seed(parsed.GetValue(seed));
            // What is not given is as the recording has it, or the default.
            ReplaySettings Choose(ReplaySettings otherwise)
            {
                var chosen = otherwise with
                {
                    Policies = new ReplayPolicies
                    {
                        Chunk = LabInput.Policy(parsed.GetValue(chunk), "--chunk", ReplayPolicies.ChunkNames, otherwise.Policies.Chunk),
                        Prefetch = LabInput.Policy(parsed.GetValue(prefetch), "--prefetch", ReplayPolicies.PrefetchNames, otherwise.Policies.Prefetch),
                        Evict = LabInput.Policy(parsed.GetValue(evict), "--evict", ReplayPolicies.EvictNames, otherwise.Policies.Evict),
                        Thrash = LabInput.Policy(parsed.GetValue(thrash), "--thrash", ReplayPolicies.ThrashNames, otherwise.Policies.Thrash),
                        Seed = seedValue,
                    },
                    CostModel = LabInput.CostModel(parsed.GetValue(costModel)),
                    DeviceMemoryBytes = parsed.GetValue(device) is { } deviceText ? ByteSize.Parse(deviceText, "--device-memory") : parsed.GetValue(oversubscription) is null ? otherwise.DeviceMemoryBytes : null,
                    Oversubscription = parsed.GetValue(oversubscription) is { } ratio ? LabInput.Oversubscription(ratio) : null,
                };
                return chosen with
                {
                    FollowsRecording = otherwise.FollowsRecording && chosen.Oversubscription is null && chosen.DeviceMemoryBytes == otherwise.DeviceMemoryBytes
                        && chosen.Policies == otherwise.Policies with { Seed = seedValue },
                };
            }

            _ = Choose(new ReplaySettings()); // What cannot be is said before anything is read.
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var options = LabInput.Options(parsed.GetValue(size), parsed.GetValue(iterations), seedValue, parsed.GetValue(graph));
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var (report, seconds) = Progress.Show(console, silent, progress => Replay(parsed.GetValue(source)!, options, Choose, parsed.GetValue(log), progress));
            JsonFile.Write(path, report, ReportJson.Default.ReplayReport, console);
            if (!silent)
                ReplayTable.Write(report, seconds, console.Ansi);
            return report.Result.FailedAccesses == 0 && report.Problem.Length == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Replays.</summary>
    /// <param name="source">A trace's path, or a workload's name.</param>
    /// <param name="options">The size of a workload.</param>
    /// <param name="choose">Makes the machine's settings of those that the workload comes with.</param>
    /// <param name="logPath">Where the trace of the replay goes; null for nowhere.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The report, and the seconds that the replay took.</returns>
    private static (ReplayReport Report, double Seconds) Replay(string source, WorkloadOptions options, Func<ReplaySettings, ReplaySettings> choose, string? logPath, Progress progress)
    {
        progress.Stage($"preparing {source}");
        var workload = LabInput.Workload(source, options);
        var recording = workload as RecordedWorkload;
        var settings = choose(recording is null ? new ReplaySettings() : ReplaySettings.Of(recording));
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
            var problem = recording?.Problem ?? "";
            IReadOnlyList<ComparedFigure> compared = recording?.Recorded is null
                ? [] : [.. recording.Figures.All.Zip(machine.Figures.All, (recorded, replayed) => new ComparedFigure(recorded.Name, recorded.Value, replayed.Value))];
            return (
                new ReplayReport(
                    workload.Description, workload.FootprintBytes, deviceBytes, policies.Chunk, policies.Prefetch, policies.Evict, policies.Thrash, policies.Seed, settings.CostModel, problem, compared,
                    recording is null ? "" : string.Join("; ", WhyDifferent(recording, settings)), result),
                seconds);
        }
        catch (ReplayException e)
        {
            throw new InputException($"{source}: {e.Message}", e);
        }
    }

    /// <summary>Why a replay's figures may not be those of the recorded run.</summary>
    /// <param name="recording">The run.</param>
    /// <param name="settings">The replay's.</param>
    private static IEnumerable<string> WhyDifferent(RecordedWorkload recording, ReplaySettings settings)
    {
        if (recording.Recorded is not { } recorded)
            yield break;
        if (!settings.FollowsRecording)
            yield return "the replay goes by other policies or another device memory than the run";
        if (recorded.ComputeUnits > 1)
            yield return $"{recorded.ComputeUnits} compute units raised faults at once, and the trace has one order of them";
        if (recorded.Beside.Length > 0)
            yield return $"the run had what a replay does not do ({recorded.Beside})";
        if (recording.LostRecords > 0)
            yield return $"{recording.LostRecords} records are missing";
        if (recording.Problem.Length > 0)
            yield return "the trace was cut off";
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
