// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Conformance;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Conformance;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm conform`: recorded runs of the kernel's HMM test driver, replayed, with every answer compared.</summary>
internal static class ConformCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Traces; folders of them (.txt); .zip archives of them.",
        };
        var memory = CommandLine.TextOption("--memory", "simulated|real", "Host memory to replay on: simulated, the default, or this process's own through libgpusvm.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var command = new Command("conform", "Replay recorded runs of the Linux kernel's HMM test driver and compare every answer. Exit code 0 if all are equal.")
        {
            files, memory, json,
        };
        command.SetAction(parsed =>
        {
            var isReal = IsReal(parsed.GetValue(memory));
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var silent = JsonFile.IsStandardOutput(path);
            var report = Progress.Show(console, silent, progress => Replay(parsed.GetValue(files)!, isReal, progress));
            JsonFile.Write(path, report, ReportJson.Default.ConformReport, console);
            if (!silent)
                ConformTable.Write(report, console);
            return report.Equal == report.Traces ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Reads all traces, so that a damaged one is refused before anything runs, and replays them.</summary>
    /// <param name="paths">What the user named.</param>
    /// <param name="isReal">Whether on real memory.</param>
    /// <param name="progress">Told of every trace.</param>
    private static ConformReport Replay(string[] paths, bool isReal, Progress progress)
    {
        var traces = new List<Trace>();
        progress.Stage("reading traces");
        foreach (var path in paths)
            traces.AddRange(Read(path));
        progress.Stage($"replaying {traces.Count} traces on {(isReal ? "real" : "simulated")} memory");
        var differences = new List<TraceDifference>();
        var rules = new RealMemoryRules();
        for (var i = 0; i < traces.Count; i++)
        {
            if ((isReal ? RunOnRealMemory(traces[i], rules) : TraceReplay.Run(traces[i])) is { } difference)
                differences.Add(difference);
            progress.Step(i + 1, traces.Count, "trace");
        }

        return new ConformReport(isReal ? "real" : "simulated", traces.Count, traces.Count - differences.Count, rules.FaultCounts, rules.Placements, differences);
    }

    /// <summary>Replays a trace on this process's own memory.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="rules">Which answers will do; counts them.</param>
    /// <returns>The first difference; null if there is none.</returns>
    /// <exception cref="InputException">There is no real memory here.</exception>
    private static TraceDifference? RunOnRealMemory(Trace trace, RealMemoryRules rules)
    {
        rules.Begin();
        try
        {
            return TraceReplay.Run(trace, static () => new RealTraceMachine(), (_, step) => rules.Passed(trace.Steps[step]), rules.Allows);
        }
        catch (SharedMemoryException e) when (e.Status == StatusCode.NotSupported)
        {
            throw new InputException($"--memory real: {e.Message.TrimEnd('.')}; leave --memory out to replay on simulated memory", e);
        }
    }

    /// <summary>Reads the traces of one path.</summary>
    /// <exception cref="InputException">There are none, or one is damaged.</exception>
    private static IReadOnlyList<Trace> Read(string path)
    {
        try
        {
            var traces = TraceFiles.Read(path);
            return traces.Count > 0 ? traces : throw new InputException($"{path}: no traces (.txt) in it; name a trace, or a folder or .zip archive of traces");
        }
        catch (TraceFormatException e)
        {
            throw new InputException($"{e.Message}; this is no trace, or a damaged one: get it again from where it was recorded", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file or folder; name a trace, or a folder or .zip archive of traces", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new InputException($"{path}: cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions", e);
        }
    }

    /// <summary>Whether traces are to be replayed on real memory.</summary>
    /// <param name="text">What the user said; null for nothing.</param>
    /// <exception cref="InputException">There is no such memory.</exception>
    private static bool IsReal(string? text) => text switch
    {
        null or "simulated" => false,
        "real" => true,
        _ => throw new InputException($"--memory {text}: unknown; use simulated or real"),
    };
}
