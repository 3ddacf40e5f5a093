// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Studies;

/// <summary>Runs the cells of a study, each on a machine and in a thread of its own, so that the order and the number of threads change no result.</summary>
public static class Study
{
    /// <summary>Runs the cells that have not been run yet.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="done">What is known of some already.</param>
    /// <param name="create">Makes the workload of a cell: a new one each time, because workloads remember where they are.</param>
    /// <param name="threads">How many replays run at once, at least 1.</param>
    /// <param name="finished">Told of every new row, by one thread at a time.</param>
    /// <param name="cancellation">Ends the study after the replays under way.</param>
    /// <returns>A row for each cell, in order, whether it was run or known.</returns>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static IReadOnlyList<StudyRow> Run(
        IReadOnlyList<StudyCell> cells, IEnumerable<StudyRow> done, Func<StudyCell, IWorkload> create, int threads, Action<StudyRow> finished, CancellationToken cancellation)
    {
        var rows = new Dictionary<StudyCell, StudyRow>();
        foreach (StudyRow row in done.Where(row => row.Result is not null))
            rows[row.Cell] = row;
        StudyCell[] left = [.. cells.Where(cell => !rows.ContainsKey(cell)).Distinct()];
        var gate = new Lock(); // Guards rows and calls of finished.
        Parallel.ForEach(left, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, cell =>
        {
            StudyRow row = Run(cell, create);
            lock (gate)
            {
                rows[cell] = row;
                finished(row);
            }
        });
        return [.. cells.Select(cell => rows[cell])];
    }

    /// <summary>Groups rows that differ in their seed alone.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>The groups, in the order of the rows.</returns>
    public static IReadOnlyList<StudyGroup> Group(IEnumerable<StudyRow> rows) =>
        [.. rows.GroupBy(row => row.Cell.WithoutSeed()).Select(group => new StudyGroup(group.Key, [.. group]))];

    /// <summary>Runs one cell.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="create">Makes its workload.</param>
    /// <returns>Its row; a replay that cannot be done is a row with the reason.</returns>
    private static StudyRow Run(StudyCell cell, Func<StudyCell, IWorkload> create)
    {
        try
        {
            return new StudyRow(cell, cell.Settings().Run(create(cell)));
        }
        catch (ReplayException e)
        {
            return new StudyRow(cell, null, e.Message);
        }
    }
}
