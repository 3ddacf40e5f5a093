// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Studies;
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
        var workload = new WorkloadArguments();
        var oversubscription = CommandLine.TextOption("--oversubscription", "N,...", "How much is touched for each byte of device memory; default 1,1.25.");
        var chunk = CommandLine.TextOption("--chunk", "SIZE,...", $"Of {string.Join(", ", ReplayPolicies.ChunkNames)}; default 64K.");
        var prefetch = CommandLine.TextOption("--prefetch", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.PrefetchNames)}; default none,tree.");
        var evict = CommandLine.TextOption("--evict", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.EvictNames)}; default unused,fault-order.");
        var thrash = CommandLine.TextOption("--thrash", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.ThrashNames)}; default back-off.");
        var placement = CommandLine.TextOption("--placement", "NAME,...", $"Of {string.Join(", ", ReplayPolicies.PlacementNames)}; default first-touch.");
        var costModel = CommandLine.TextOption("--cost-model", "NAME,...", $"Of {LabInput.CostModelNames.Replace("|", ", ", StringComparison.Ordinal)}; default uvm-smart.");
        var seeds = CommandLine.TextOption("--seeds", "N", "How many seeds, from 1; with more than one, times come with their 95 % confidence. Default 1.");
        var threads = CommandLine.TextOption("--threads", "N", "Replays at once; default one a processor.");
        var results = CommandLine.TextOption(
            "--results", "FILE", "Keep rows there as they come, a line of JSON each; a study that was stopped goes on from it. FILE.parquet, or a folder: as Parquet too, once all are there.");
        var share = CommandLine.TextOption("--share", "I/N", "Only share I of N, 1 to N; 1/1 for everything. Default: what a Slurm array or an indexed Kubernetes job says of this task, else everything.");
        var shares = CommandLine.TextOption("--shares", "N", "How many shares there are, where the scheduler numbers them, from 0, without saying that; or set GPUSVM_SHARES.");
        var merge = new Option<string[]>("--merge")
        {
            HelpName = "FILE|FOLDER",
            Description = "Show the study whose shares were written to Parquet files with --results: files, folders, patterns.",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => [],
        };
        var report = CommandLine.TextOption("--report", "FILE", "Also write all tables with bars as a page for a browser.");
        var csv = CommandLine.TextOption("--csv", "FILE", "Also write all rows as CSV.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write all rows as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("compare", "Replay workloads under many policies, oversubscriptions and cost models, in parallel, and show them side by side.")
        {
            sources, results, share, shares, merge, report, csv, json, quiet,
        };
        Option[] planned = [.. workload.All, oversubscription, chunk, prefetch, evict, thrash, placement, costModel, seeds, threads];
        foreach (var option in planned)
            command.Add(option);
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var page = parsed.GetValue(report);
            PageFile.Check(page);
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            if (parsed.GetValue(merge) is { Length: > 0 } files)
            {
                OnlyMerges(parsed, sources, [.. planned, results, share, shares]);
                return Show(Progress.Show(console, silent, progress => MergedStudy.Read(files, console, progress)), path, parsed.GetValue(csv), page, silent, console);
            }

            var options = workload.Read(parsed);
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
                Placements = List(parsed.GetValue(placement), "--placement", ReplayPolicies.PlacementNames, defaults.Placements),
                CostModels = List(parsed.GetValue(costModel), "--cost-model", [.. CostModels.All.Select(model => model.Name)], defaults.CostModels),
                Seeds = parsed.GetValue(seeds) is { } seedText ? CommandLine.ParseNumber(seedText, "--seeds", 1, MostSeeds) : 1,
            };
            var atOnce = parsed.GetValue(threads) is { } text ? CommandLine.ParseNumber(text, "--threads", 1, MostThreads) : Environment.ProcessorCount;
            var (mine, source) = SchedulerShare.Find(parsed.GetValue(share), parsed.GetValue(shares), Environment.GetEnvironmentVariable);
            if (!mine.IsWhole && parsed.GetValue(results) is null && path is null && parsed.GetValue(csv) is null)
                throw new InputException($"this is share {mine} ({source}), and what it finds is kept nowhere: give a folder with --results FOLDER/, and show them all with --merge FOLDER/");
            var study = new StudyRun(plan, options, workload.Graph(parsed), mine);
            return Show(Progress.Show(console, silent, progress => study.Run(atOnce, parsed.GetValue(results), source, progress)), path, parsed.GetValue(csv), page, silent, console);
        });
        return command;
    }

    /// <summary>Writes the rows wherever they are wanted.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="jsonPath">--json, or null.</param>
    /// <param name="csvPath">--csv, or null.</param>
    /// <param name="pagePath">--report, or null.</param>
    /// <param name="silent">Whether there is no table.</param>
    /// <param name="console">Where the table goes.</param>
    /// <returns>The exit code.</returns>
    private static int Show(IReadOnlyList<StudyRow> rows, string? jsonPath, string? csvPath, string? pagePath, bool silent, ToolConsole console)
    {
        JsonFile.Write(jsonPath, new StudyReport([.. rows.Select(row => row.Cell.CostModel).Distinct().Select(LabInput.CostModel)], rows), ReportJson.Default.StudyReport, console);
        if (csvPath is not null)
            StudyCsv.Write(csvPath, rows);
        if (pagePath is not null)
            ReportCommand.WriteStudy(pagePath, string.Join(", ", rows.Select(row => Path.GetFileName(row.Cell.Workload)).Distinct()), rows);
        if (!silent)
            StudyTable.Write(rows, console.Ansi);
        return rows.All(row => row.Result is { FailedAccesses: 0 }) ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Checks what does not go together with --merge: the files say what was compared.</summary>
    private static void OnlyMerges(ParseResult parsed, Argument<string[]> sources, IEnumerable<Option> plan)
    {
        if (parsed.GetValue(sources)!.Length > 0)
            throw new InputException($"--merge reads what was compared from the files: leave {parsed.GetValue(sources)![0]} out");
        if (plan.FirstOrDefault(option => parsed.GetResult(option) is not null) is { } given)
            throw new InputException($"--merge reads what was compared from the files: leave {given.Name} out");
    }

    /// <summary>The workloads that the user named.</summary>
    private static IReadOnlyList<string> Names(string[] names, IReadOnlyList<string> byDefault)
        => names is [] ? byDefault : names is ["all"] ? [.. WorkloadKinds.All.Select(kind => kind.Name)] : names;

    /// <summary>Reads a list of names.</summary>
    private static IReadOnlyList<string> List(string? text, string option, IReadOnlyList<string> names, IReadOnlyList<string> byDefault)
        => text is null ? byDefault : text == "all" ? names : [.. text.Split(',').Select(name => LabInput.Policy(name, option, names, ""))];
}
