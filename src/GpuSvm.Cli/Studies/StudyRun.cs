// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Studies;

/// <summary>Runs a study or a share of one: prepares its workloads, keeps its rows, and stops where the user says so.</summary>
/// <param name="plan">What is compared.</param>
/// <param name="options">The size of workloads, and their graph.</param>
/// <param name="graph">The graph's file; null for none.</param>
/// <param name="share">Which share.</param>
internal sealed class StudyRun(StudyPlan plan, WorkloadOptions options, string? graph, StudyShare share)
{
    /// <summary>Traces, read through once, and replayed by any number of threads.</summary>
    private readonly ConcurrentDictionary<string, IWorkload> _recorded = new();

    /// <summary>Runs.</summary>
    /// <param name="threads">Replays at once.</param>
    /// <param name="resultsPath">Where rows are kept; null for nowhere.</param>
    /// <param name="shareSource">Who said which share it is; empty for nobody.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The rows of the share.</returns>
    public IReadOnlyList<StudyRow> Run(int threads, string? resultsPath, string shareSource, Progress progress)
    {
        progress.Stage("preparing");
        StudyCell[] all = [.. plan.Cells()];
        (int Index, StudyCell Item)[] mine = [.. share.Of(all)];
        StudyCell[] cells = [.. mine.Select(cell => cell.Item)];
        foreach (var name in plan.Workloads)
        {
            if (LabInput.Workload(name, options) is RecordedWorkload trace)
                _recorded[name] = trace;
        }

        var files = StudyFingerprint.OfFiles([.. _recorded.Keys.Order(StringComparer.Ordinal), .. graph is null ? (string[])[] : [graph]]);
        using var results = new StudyResults(resultsPath, new StudyOrigin(StudyFingerprint.Version, StudyFingerprint.OfStudy(all, files), all.Length, share), files);
        using var stop = new CancellationTokenSource();
        ConsoleCancelEventHandler stopping = (_, arguments) =>
        {
            arguments.Cancel = resultsPath is not null && !stop.IsCancellationRequested; // A second one ends at once.
            stop.Cancel();
        };
        Console.CancelKeyPress += stopping;
        try
        {
            var known = results.Lines.Done.Where(row => row.Result is not null).Select(row => row.Cell).ToHashSet();
            var done = cells.Count(known.Contains);
            var what = share.IsWhole ? $"{cells.Length} replays" : $"share {share} ({shareSource}): {cells.Length} of {all.Length} replays";
            progress.Stage(done == 0 ? $"{what}, {threads} at once" : $"{what}, {done} of them known, {threads} at once");
            var rows = Study.Run(
                cells,
                results.Lines.Done,
                Create,
                threads,
                row =>
                {
                    results.Lines.Add(row);
                    progress.Step(++done, cells.Length, "replay");
                },
                stop.Token);
            results.Complete([.. mine.Zip(rows, (cell, row) => (cell.Index, row))]);
            return rows;
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

    /// <summary>The workload of a cell.</summary>
    private IWorkload Create(StudyCell cell)
        => _recorded.TryGetValue(cell.Workload, out var trace) ? trace : WorkloadKinds.Find(cell.Workload)!.Create(options with { Seed = (ulong)cell.Seed });
}
