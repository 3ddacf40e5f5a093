// SPDX-License-Identifier: MIT
using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace GpuSvm.Lab.Studies;

/// <summary>
/// The results of a share as a Parquet file: a row a cell, first what was replayed, then the <see cref="StudyFigure"/>s, empty where the replay failed. The file's own properties are the
/// <see cref="StudyOrigin"/>, so that a share without cells is a file as well. It is written whole and then given its name: under that name it is complete.
/// </summary>
public static class StudyParquet
{
    /// <summary>The property with the tool's version.</summary>
    public const string VersionKey = "gpusvm.version";

    /// <summary>The property with the study's fingerprint.</summary>
    public const string StudyKey = "gpusvm.study";

    /// <summary>The property with the number of cells in the whole study.</summary>
    public const string CellsKey = "gpusvm.cells";

    /// <summary>The property with the share's number, from 0.</summary>
    public const string ShareKey = "gpusvm.share";

    /// <summary>The property with the number of shares.</summary>
    public const string SharesKey = "gpusvm.shares";

    private static readonly DataField<long> _index = new("cell");
    private static readonly DataField<double> _oversubscription = new("oversubscription");
    private static readonly DataField<string> _failure = new("failure");
    private static readonly DataField<string> _firstFailure = new("first_failure");

    private static readonly (DataField<long> Field, Func<StudyCell, long> Of)[] _numbers =
        [(new("size_bytes"), cell => cell.SizeBytes), (new("iterations"), cell => cell.Iterations), (new("seed"), cell => cell.Seed)];

    private static readonly (DataField<string> Field, Func<StudyCell, string> Of)[] _texts =
    [
        (new("workload"), cell => cell.Workload), (new("cost_model"), cell => cell.CostModel), (new("chunk"), cell => cell.Chunk), (new("prefetch"), cell => cell.Prefetch),
        (new("evict"), cell => cell.Evict), (new("thrash"), cell => cell.Thrash), (new("placement"), cell => cell.Placement),
    ];

    private static readonly DataField<double?>[] _figures = [.. StudyFigure.All.Select(figure => new DataField<double?>(figure.Name))];

    /// <summary>Writes a share.</summary>
    /// <param name="path">The file; one that is there is replaced at the end.</param>
    /// <param name="origin">What it is of.</param>
    /// <param name="rows">Its rows, each with its place in the whole study.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(string path, StudyOrigin origin, IReadOnlyList<(int Index, StudyRow Row)> rows)
    {
        string unfinished = $"{path}.{Environment.ProcessId}.part";
        try
        {
            using (FileStream stream = File.Create(unfinished))
                WriteAsync(stream, origin, rows).GetAwaiter().GetResult();
            File.Move(unfinished, path, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <summary>Writes the table.</summary>
    /// <param name="stream">Where to; stays open.</param>
    /// <param name="origin">What it is of.</param>
    /// <param name="rows">Its rows.</param>
    private static async Task WriteAsync(FileStream stream, StudyOrigin origin, IReadOnlyList<(int Index, StudyRow Row)> rows)
    {
        var schema = new ParquetSchema([_index, .. _texts.Select(text => text.Field), .. _numbers.Select(number => number.Field), _oversubscription, .. _figures, _firstFailure, _failure]);
        ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream);
        await using (writer)
        {
            writer.CustomMetadata = new Dictionary<string, string>
            {
                [VersionKey] = origin.Version,
                [StudyKey] = origin.Study,
                [CellsKey] = origin.Cells.ToString(CultureInfo.InvariantCulture),
                [ShareKey] = origin.Share.Number.ToString(CultureInfo.InvariantCulture),
                [SharesKey] = origin.Share.Count.ToString(CultureInfo.InvariantCulture),
            };
            if (rows.Count == 0)
                return;
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await group.WriteAsync<long>(_index, rows.Select(row => (long)row.Index).ToArray());
            foreach ((DataField<string> field, Func<StudyCell, string> of) in _texts)
                await group.WriteAsync(field, rows.Select(row => of(row.Row.Cell)).ToArray());
            foreach ((DataField<long> field, Func<StudyCell, long> of) in _numbers)
                await group.WriteAsync<long>(field, rows.Select(row => of(row.Row.Cell)).ToArray());
            await group.WriteAsync<double>(_oversubscription, rows.Select(row => row.Row.Cell.Oversubscription).ToArray());
            foreach ((DataField<double?> field, StudyFigure figure) in _figures.Zip(StudyFigure.All))
                await group.WriteAsync<double>(field, rows.Select(row => row.Row.Result is { } result ? figure.Of(result) : (double?)null).ToArray());
            await group.WriteAsync(_firstFailure, rows.Select(row => row.Row.Result?.FirstFailure ?? "").ToArray());
            await group.WriteAsync(_failure, rows.Select(row => row.Row.Failure).ToArray());
            group.CompleteValidate();
        }
    }
}
