// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Advising;
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
        var machine = new MachineOptions();
        var advise = new Option<string[]>("--advise")
        {
            HelpName = "NAME=WISH",
            Description = $"As if the program advised this of the memory that it maps under a name, or of addresses 0xA-0xB; can be given several times. Of {string.Join(", ", IntervalWish.All.Select(wish => wish.Name))}.",
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => [],
        };
        var log = CommandLine.TextOption("--log", "FILE", "Write a trace of the replay: accesses, faults, migrations, evictions, with modelled times.");
        var report = CommandLine.TextOption("--report", "FILE", "Also write a page for a browser: what cost most, over time and by address, and what would help.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("replay", "Replay a trace or a generated workload on the simulated machine, a recorded run under its own policies where no others are given: faults, bytes, evictions and modelled time under chosen policies.")
        {
            advise, log, report, json, quiet,
        };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            var advice = LabInput.Advice(parsed.GetValue(advise)!);
            // What is not given is as the recording has it, or the default.
            ReplaySettings Choose(ReplaySettings otherwise)
            {
                var chosen = machine.Settings(parsed, otherwise);
                return chosen with
                {
                    FollowsRecording = otherwise.FollowsRecording && advice.All.Count == 0 && chosen.Oversubscription is null && chosen.DeviceMemoryBytes == otherwise.DeviceMemoryBytes
                        && chosen.Policies == otherwise.Policies with { Seed = chosen.Policies.Seed },
                };
            }

            var settings = Choose(new ReplaySettings()); // What cannot be is said before anything is read.
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var page = parsed.GetValue(report);
            PageFile.Check(page);
            var options = machine.WorkloadOptions(parsed);
            var source = parsed.GetValue(machine.Source)!;
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var (result, seconds) = Progress.Show(console, silent, progress => Replay(source, options, Choose, advice, parsed.GetValue(log), progress));
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
    /// <param name="choose">Makes the machine's settings of those that the workload comes with.</param>
    /// <param name="advice">What is advised beside what the trace advises itself.</param>
    /// <param name="logPath">Where the trace of the replay goes; null for nowhere.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The report, and the seconds that the replay took.</returns>
    private static (ReplayReport Report, double Seconds) Replay(
        string source, WorkloadOptions options, Func<ReplaySettings, ReplaySettings> choose, AdvisedSettings advice, string? logPath, Progress progress)
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
                Generate(workload, machine, advice);
            var result = machine.Result();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            log?.Complete();
            var policies = settings.Policies;
            var problem = recording?.Problem ?? "";
            IReadOnlyList<ComparedFigure> compared = recording?.Recorded is null
                ? [] : [.. recording.Figures.All.Zip(machine.Figures.All, (recorded, replayed) => new ComparedFigure(recorded.Name, recorded.Value, replayed.Value))];
            return (
                new ReplayReport(
                    workload.Description, workload.FootprintBytes, deviceBytes, policies.Chunk, policies.Prefetch, policies.Evict, policies.Thrash, policies.Placement,
                    [.. advice.All.Select(setting => setting.ToString())], policies.Seed, settings.CostModel, problem, compared,
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

    /// <summary>Replays, as if the program advised of its memory.</summary>
    /// <exception cref="InputException">There is no memory of a name.</exception>
    private static void Generate(IWorkload workload, ReplayMachine machine, AdvisedSettings advice)
    {
        if (advice.All.Count == 0)
        {
            workload.Generate(machine);
            return;
        }

        var sink = new AdvisingSink(machine, advice);
        workload.Generate(sink);
        if (sink.Unknown is [var unknown, ..])
            throw new InputException($"--advise {unknown}: nothing of that name was mapped; gpusvm advise shows the names, and 0xA-0xB means addresses");
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
