// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm compare`: policies by workloads by oversubscription by cost models, each replayed, in parallel; resumable.</summary>
internal static class CompareCommand
{
    /// <summary>The most seeds.</summary>
    private const int MostSeeds = 1000;

    /// <summary>The most replays at once.</summary>
    private const int MostThreads = 1024;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var defaults = new StudyPlan { Workloads = ["hotspot", "bfs", "gups"] };
        var sources = new Argument<string[]>("TRACE|WORKLOAD")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = $"Traces and workloads to compare on; default {string.Join(", ", defaults.Workloads)}; all for all that are generated: {LabInput.WorkloadList}\n",
        };
        var size = CommandLine.TextOption("--size", "SIZE", "About how many bytes a generated workload touches; default 12M.");
        var iterations = CommandLine.TextOption("--iterations", "N", "Rounds, time steps or tokens of a generated workload; default 1.");
        var graph = CommandLine.TextOption("--graph", "FILE", "The graph of bfs and sssp; default a Kronecker graph of the size.");
        var oversubscription = CommandLine.TextOption("--oversubscription", "N,...", "How much is touched for each byte of device memory; default 1,1.25.");
        var chunk = CommandLine.TextOption("--chunk", "SIZE,...", $"Of {string.Join(", ", ReplayPolicies.ChunkNames)}; default 64K.");
        var prefetch = CommandLine.TextOption("--prefetch", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.PrefetchNames)}; default none,tree.");
        var evict = CommandLine.TextOption("--evict", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.EvictNames)}; default unused,fault-order.");
        var thrash = CommandLine.TextOption("--thrash", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.ThrashNames)}; default back-off.");
        var costModel = CommandLine.TextOption("--cost-model", "NAME,...", $"Of {LabInput.CostModelNames.Replace("|", ", ", StringComparison.Ordinal)}; default uvm-smart.");
        var seeds = CommandLine.TextOption("--seeds", "N", "How many seeds, from 1; with more than one, times come with their 95 % confidence. Default 1.");
        var threads = CommandLine.TextOption("--threads", "N", "Replays at once; default one a processor.");
        var results = CommandLine.TextOption("--results", "FILE", "Keep rows there as they come, a line of JSON each; a study that was stopped goes on from it.");
        var report = CommandLine.TextOption("--report", "FILE", "Also write all tables with bars as a page for a browser.");
        var csv = CommandLine.TextOption("--csv", "FILE", "Also write all rows as CSV.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write all rows as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("compare", "Replay workloads under many policies, oversubscriptions and cost models, in parallel, and show them side by side.")
        {
            sources, size, iterations, graph, oversubscription, chunk, prefetch, evict, thrash, costModel, seeds, threads, results, report, csv, json, quiet,
        };
        command.SetAction(parsed =>
        {
            var options = LabInput.Options(parsed.GetValue(size), parsed.GetValue(iterations), 1, parsed.GetValue(graph));
            var plan = defaults with
            {
                Workloads = Names(parsed.GetValue(sources)!, defaults.Workloads),
                SizeBytes = options.Bytes,
                Iterations = options.Iterations,
                Oversubscriptions = parsed.GetValue(oversubscription) is { } ratios ? [.. ratios.Split(',').Select(LabInput.Oversubscription)] : defaults.Oversubscriptions,
                Chunks = List(parsed.GetValue(chunk), "--chunk", ReplayPolicies.ChunkNames, defaults.Chunks),
                Prefetches = List(parsed.GetValue(prefetch), "--prefetch", ReplayPolicies.PrefetchNames, defaults.Prefetches),
                Evictions = List(parsed.GetValue(evict), "--evict", ReplayPolicies.EvictNames, defaults.Evictions),
                Thrashes = List(parsed.GetValue(thrash), "--thrash", ReplayPolicies.ThrashNames, defaults.Thrashes),
                CostModels = List(parsed.GetValue(costModel), "--cost-model", [.. CostModels.All.Select(model => model.Name)], defaults.CostModels),
                Seeds = parsed.GetValue(seeds) is { } seedText ? CommandLine.ParseNumber(seedText, "--seeds", 1, MostSeeds) : 1,
            };
            var atOnce = parsed.GetValue(threads) is { } text ? CommandLine.ParseNumber(text, "--threads", 1, MostThreads) : Environment.ProcessorCount;
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var page = parsed.GetValue(report);
            PageFile.Check(page);
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var rows = Progress.Show(console, silent, progress => Run(plan, options, atOnce, parsed.GetValue(results), progress));
            JsonFile.Write(path, new StudyReport([.. plan.CostModels.Select(name => CostModels.Find(name)!)], rows), ReportJson.Default.StudyReport, console);
            if (page is not null)
                ReportCommand.WriteStudy(page, string.Join(", ", plan.Workloads.Select(name => Path.GetFileName(name))), rows);
            if (parsed.GetValue(csv) is { } csvPath)
                StudyCsv.Write(csvPath, rows);
            if (!silent)
                StudyTable.Write(rows, console.Ansi);
            return rows.All(row => row.Result is { FailedAccesses: 0 }) ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Runs the study.</summary>
    /// <param name="plan">What is compared.</param>
    /// <param name="options">The size of workloads, and their graph.</param>
    /// <param name="threads">Replays at once.</param>
    /// <param name="resultsPath">Where rows are kept; null for nowhere.</param>
    /// <param name="progress">Told how far it is.</param>
    private static IReadOnlyList<StudyRow> Run(StudyPlan plan, WorkloadOptions options, int threads, string? resultsPath, Progress progress)
    {
        progress.Stage("preparing");
        StudyCell[] cells = [.. plan.Cells()];
        var recorded = new ConcurrentDictionary<string, IWorkload>();
        foreach (var name in plan.Workloads)
        {
            if (LabInput.Workload(name, options) is RecordedWorkload trace)
                recorded[name] = trace; // Read through once, and replayed by any number of threads.
        }

        using var file = new StudyFile(resultsPath);
        using var stop = new CancellationTokenSource();
        ConsoleCancelEventHandler stopping = (_, arguments) =>
        {
            arguments.Cancel = resultsPath is not null && !stop.IsCancellationRequested; // A second one ends at once.
            stop.Cancel();
        };
        Console.CancelKeyPress += stopping;
        try
        {
            var known = file.Done.Where(row => row.Result is not null).Select(row => row.Cell).ToHashSet();
            var done = cells.Count(known.Contains);
            progress.Stage(done == 0 ? $"{cells.Length} replays, {threads} at once" : $"{cells.Length} replays, {done} of them known, {threads} at once");
            return Study.Run(
                cells,
                file.Done,
                cell => recorded.TryGetValue(cell.Workload, out var trace) ? trace : WorkloadKinds.Find(cell.Workload)!.Create(options with { Seed = (ulong)cell.Seed }),
                threads,
                row =>
                {
                    file.Add(row);
                    progress.Step(++done, cells.Length, "replay");
                },
                stop.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InputException($"stopped; the same command with --results {resultsPath} goes on from here");
        }
        finally
        {
            Console.CancelKeyPress -= stopping;
        }
    }

    /// <summary>The workloads that the user named.</summary>
    private static IReadOnlyList<string> Names(string[] names, IReadOnlyList<string> byDefault)
        => names is [] ? byDefault : names is ["all"] ? [.. WorkloadKinds.All.Select(kind => kind.Name)] : names;

    /// <summary>Reads a list of names.</summary>
    private static IReadOnlyList<string> List(string? text, string option, IReadOnlyList<string> names, IReadOnlyList<string> byDefault)
        => text is null ? byDefault : text == "all" ? names : [.. text.Split(',').Select(name => LabInput.Policy(name, option, names, ""))];
}
