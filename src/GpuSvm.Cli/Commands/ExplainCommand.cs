// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm explain`: what of a trace cost the most, why, what to try, and what a replay of that gives.</summary>
internal static class ExplainCommand
{
    /// <summary>The most replays at once.</summary>
    private const int MostThreads = 1024;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var machine = new MachineOptions();
        var threads = CommandLine.TextOption("--threads", "N", "Replays of suggestions at once; default one a processor, 0 to replay none.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no text; errors and the exit code only." };
        var command = new Command("explain", "Say what of a trace or workload cost the most, why, what to try, and what replaying that gives.") { threads, json, quiet };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var explanation = Explain(parsed.GetValue(machine.Source)!, machine.WorkloadOptions(parsed), machine.Settings(parsed), Threads(parsed.GetValue(threads)), console, silent);
            JsonFile.Write(path, ExplainReport.Of(explanation), ReportJson.Default.ExplainReport, console);
            if (!silent)
                ExplainText.Write(explanation, console.Ansi);
            return explanation.Problem.Length == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>How many replays run at once.</summary>
    /// <param name="text">--threads, or null.</param>
    /// <exception cref="InputException">It is no such number.</exception>
    public static int Threads(string? text) => text is null ? Environment.ProcessorCount : CommandLine.ParseNumber(text, "--threads", 0, MostThreads);

    /// <summary>Explains a trace or workload.</summary>
    /// <param name="source">A trace's path, or a workload's name.</param>
    /// <param name="options">The size of a generated workload.</param>
    /// <param name="settings">The machine; where it does not say how much a device holds, a trace that does is asked.</param>
    /// <param name="threads">Replays at once; 0 to replay no suggestion.</param>
    /// <param name="console">Where progress goes.</param>
    /// <param name="silent">Whether none is shown.</param>
    /// <exception cref="InputException">It cannot be read or replayed.</exception>
    public static Explanation Explain(string source, WorkloadOptions options, ReplaySettings settings, int threads, ToolConsole console, bool silent)
        => Progress.Show(console, silent, progress =>
        {
            progress.Stage($"preparing {source}");
            var first = LabInput.Workload(source, options);
            var recorded = first as RecordedWorkload;
            if (settings is { DeviceMemoryBytes: null, Oversubscription: null } && recorded?.Header.DeviceMemoryBytes is [> 0 and var bytes, ..])
                settings = settings with { DeviceMemoryBytes = bytes };
            else if (settings is { DeviceMemoryBytes: null, Oversubscription: null } && recorded?.UsesFaults == true)
                settings = settings with { DeviceMemoryBytes = 2 * recorded.SpannedBytes }; // Of what is touched it knows the pages that faulted only.
            var gate = new Lock(); // Guards the progress: replays run in several threads.
            try
            {
                return Explainer.Explain(() => recorded ?? LabInput.Workload(source, options), settings, threads, progress.Stage, (done, all) =>
                {
                    lock (gate)
                        progress.Step(done, all, "suggestion");
                });
            }
            catch (ReplayException e)
            {
                throw new InputException($"{source}: {e.Message}", e);
            }
        });
}
