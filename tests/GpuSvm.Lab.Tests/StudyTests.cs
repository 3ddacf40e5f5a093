// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Tests;

/// <summary>Studies: every cell, whatever the order and the threads, and honest means.</summary>
public sealed class StudyTests
{
    private static readonly StudyPlan _plan = new() { Workloads = ["triad", "gups"], SizeBytes = 1 << 20, Prefetches = ["none", "random"], Seeds = 2 };

    [Fact]
    public void TheNumberOfThreadsChangesNoRow()
    {
        StudyCell[] cells = [.. _plan.Cells()];
        Assert.Equal(2 * 2 * 2 * 2 * 2, cells.Length);
        Assert.Equal(Json(Study.Run(cells, [], Create, 1, _ => { }, CancellationToken.None)), Json(Study.Run(cells, [], Create, 4, _ => { }, CancellationToken.None)));
    }

    [Fact]
    public void WhatIsKnownIsNotRunAgainAndWhatFailedIs()
    {
        StudyCell[] cells = [.. _plan.Cells()];
        var known = new ReplayResult { Accesses = 42 };
        int run = 0;
        IReadOnlyList<StudyRow> rows = Study.Run(
            cells, [new StudyRow(cells[3], known), new StudyRow(cells[5], null, "failed")], Create, 2, _ => run++, CancellationToken.None);
        Assert.Equal(cells.Length - 1, run);
        Assert.Equal(cells, rows.Select(row => row.Cell));
        Assert.Same(known, rows[3].Result);
        Assert.NotNull(rows[5].Result);
    }

    [Fact]
    public void AReplayThatCannotBeDoneIsARowWithTheReason()
    {
        StudyCell cell = _plan.Cells().First();
        StudyRow row = Assert.Single(Study.Run([cell], [], _ => WorkloadKinds.Find("gups")!.Create(new WorkloadOptions { Bytes = 1L << 33 }), 1, _ => { }, CancellationToken.None));
        Assert.Null(row.Result);
        Assert.Contains("smaller size", row.Failure, StringComparison.Ordinal);
        Assert.Equal(row.Failure, Assert.Single(Study.Group([row])).Failure);
    }

    [Fact]
    public void AStoppedStudyRunsNoMore()
    {
        using var stop = new CancellationTokenSource();
        int run = 0;
        Assert.Throws<OperationCanceledException>(() => Study.Run([.. _plan.Cells()], [], Create, 1, _ =>
        {
            run++;
            stop.Cancel();
        }, stop.Token));
        Assert.Equal(1, run);
    }

    [Fact]
    public void MeansAndConfidenceAreTakenOverSeeds()
    {
        StudyCell cell = _plan.Cells().First();
        StudyGroup group = Assert.Single(Study.Group(Enumerable.Range(1, 3).Select(
            seed => new StudyRow(cell with { Seed = seed }, new ReplayResult { ModelledNanoseconds = 8 + (2 * seed) }))));
        Assert.Equal(3, group.Seeds);
        Assert.Equal(12, group.Mean(result => result.ModelledNanoseconds));
        Assert.Equal(4.969, group.Confidence(result => result.ModelledNanoseconds), 3); // t = 4.303, s = 2, n = 3.
        Assert.Equal(0, group.Confidence(_ => 1));
    }

    /// <summary>The workload of a cell.</summary>
    private static IWorkload Create(StudyCell cell) => WorkloadKinds.Find(cell.Workload)!.Create(new WorkloadOptions { Bytes = cell.SizeBytes, Seed = (ulong)cell.Seed });

    /// <summary>Rows as text that can be compared.</summary>
    private static string[] Json(IEnumerable<StudyRow> rows) => [.. rows.Select(row => System.Text.Json.JsonSerializer.Serialize(row))];
}
