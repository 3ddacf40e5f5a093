// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Report;

/// <summary>The rows of a study as CSV: a line a row, names in the first.</summary>
internal static class StudyCsv
{
    private static readonly (string Name, Func<ReplayResult, double> Figure)[] _figures =
    [
        ("accesses", result => result.Accesses),
        ("touched_pages", result => result.TouchedPages),
        ("device_faults", result => result.DeviceFaults),
        ("batches", result => result.Batches),
        ("cpu_faults", result => result.CpuFaults),
        ("bytes_to_device", result => result.BytesToDevice),
        ("bytes_to_host", result => result.BytesToHost),
        ("evictions", result => result.Evictions),
        ("evicted_pages", result => result.EvictedPages),
        ("thrashed_pages", result => result.ThrashedPages),
        ("prefetched_pages", result => result.PrefetchedPages),
        ("prefetched_pages_used", result => result.PrefetchedPagesUsed),
        ("demanded_pages", result => result.DemandedPages),
        ("prefetch_accuracy", result => result.PrefetchAccuracy),
        ("prefetch_coverage", result => result.PrefetchCoverage),
        ("remote_accesses", result => result.RemoteAccesses),
        ("link_use", result => result.LinkUse),
        ("modelled_ns", result => result.ModelledNanoseconds),
    ];

    /// <summary>Writes the rows.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The rows.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<StudyRow> rows)
    {
        var lines = new List<string> { "workload,size_bytes,iterations,oversubscription,cost_model,chunk,prefetch,evict,thrash,seed," + string.Join(',', _figures.Select(figure => figure.Name)) + ",failure" };
        foreach (var row in rows)
        {
            var cell = row.Cell;
            IEnumerable<string> fields =
            [
                Quote(cell.Workload), Number(cell.SizeBytes), Number(cell.Iterations), Number(cell.Oversubscription), cell.CostModel, cell.Chunk, cell.Prefetch, cell.Evict, cell.Thrash, Number(cell.Seed),
                .. _figures.Select(figure => row.Result is { } result ? Number(figure.Figure(result)) : ""), Quote(row.Failure),
            ];
            lines.Add(string.Join(',', fields));
        }

        try
        {
            File.WriteAllLines(path, lines);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--csv {path}: cannot be written ({e.Message.TrimEnd('.')}); give a file in an existing folder", e);
        }
    }

    /// <summary>A number that any program reads.</summary>
    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>A text, in quotes where it must be.</summary>
    private static string Quote(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
