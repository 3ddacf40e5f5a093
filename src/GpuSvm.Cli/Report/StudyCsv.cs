// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Report;

/// <summary>The rows of a study as CSV: a line a row, names in the first.</summary>
internal static class StudyCsv
{
    /// <summary>Writes the rows.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The rows.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<StudyRow> rows)
    {
        var lines = new List<string> { "workload,size_bytes,iterations,oversubscription,cost_model,chunk,prefetch,evict,thrash,placement,seed," + string.Join(',', StudyFigure.All.Select(figure => figure.Name)) + ",failure" };
        foreach (var row in rows)
        {
            var cell = row.Cell;
            IEnumerable<string> fields =
            [
                Quote(cell.Workload), Number(cell.SizeBytes), Number(cell.Iterations), Number(cell.Oversubscription), cell.CostModel, cell.Chunk, cell.Prefetch, cell.Evict, cell.Thrash, cell.Placement, Number(cell.Seed),
                .. StudyFigure.All.Select(figure => row.Result is { } result ? Number(figure.Of(result)) : ""), Quote(row.Failure),
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
