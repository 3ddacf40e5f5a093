// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using DuckDB.NET.Data;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Merging;

/// <summary>Reads the results of a study's shares with DuckDB. The tool finds it by its name, so there is nothing here that it needs to be built with.</summary>
public sealed class DuckDbStudyReader : IStudyReader
{
    /// <inheritdoc/>
    public IReadOnlyList<StudyPart> Read(IReadOnlyList<string> paths)
    {
        using var database = new DuckDBConnection("DataSource=:memory:");
        database.Open();
        return [.. paths.Select(path => Read(database, path))];
    }

    /// <summary>Reads one file.</summary>
    /// <param name="database">The engine.</param>
    /// <param name="path">The file.</param>
    /// <returns>What is in it.</returns>
    private static StudyPart Read(DuckDBConnection database, string path)
    {
        try
        {
            StudyOrigin origin = ReadOrigin(database, path);
            var rows = new List<(int Index, StudyRow Row)>();
            using DuckDBCommand command = Command(database, "SELECT * FROM read_parquet($path) ORDER BY cell", path);
            using DuckDBDataReader reader = command.ExecuteReader();
            while (reader.Read())
                rows.Add(((int)reader.GetInt64(reader.GetOrdinal("cell")), ReadRow(reader)));
            return new StudyPart(path, origin, rows);
        }
        catch (Exception e) when (e is DuckDBException or FormatException or InvalidCastException or ArgumentException or IndexOutOfRangeException or KeyNotFoundException)
        {
            throw new StudyFileException($"{path}: no results of a study, or damaged ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); leave it out, and run its share again if it was one", e);
        }
    }

    /// <summary>Reads what a file says of itself.</summary>
    /// <param name="database">The engine.</param>
    /// <param name="path">The file.</param>
    /// <returns>Its origin.</returns>
    private static StudyOrigin ReadOrigin(DuckDBConnection database, string path)
    {
        var properties = new Dictionary<string, string>();
        using DuckDBCommand command = Command(database, "SELECT key, value FROM parquet_kv_metadata($path)", path);
        using DuckDBDataReader reader = command.ExecuteReader();
        while (reader.Read())
            properties[Text(reader, 0)] = Text(reader, 1);
        return new StudyOrigin(
            properties[StudyParquet.VersionKey],
            properties[StudyParquet.StudyKey],
            Number(properties, StudyParquet.CellsKey),
            new StudyShare(Number(properties, StudyParquet.ShareKey), Number(properties, StudyParquet.SharesKey)));
    }

    /// <summary>Reads the row that a reader stands on.</summary>
    /// <param name="reader">The reader.</param>
    /// <returns>The row.</returns>
    private static StudyRow ReadRow(DuckDBDataReader reader)
    {
        string Word(string name) => reader.GetString(reader.GetOrdinal(name));
        long Whole(string name) => reader.GetInt64(reader.GetOrdinal(name));
        var cell = new StudyCell
        {
            Workload = Word("workload"),
            SizeBytes = Whole("size_bytes"),
            Iterations = (int)Whole("iterations"),
            Oversubscription = reader.GetDouble(reader.GetOrdinal("oversubscription")),
            CostModel = Word("cost_model"),
            Chunk = Word("chunk"),
            Prefetch = Word("prefetch"),
            Evict = Word("evict"),
            Thrash = Word("thrash"),
            Placement = Word("placement"),
            Seed = Whole("seed"),
        };
        if (reader.IsDBNull(reader.GetOrdinal(StudyFigure.All[0].Name)))
            return new StudyRow(cell, null, Word("failure"));
        var result = new ReplayResult { FirstFailure = Word("first_failure") };
        foreach (StudyFigure figure in StudyFigure.All)
            result = figure.With?.Invoke(result, reader.GetDouble(reader.GetOrdinal(figure.Name))) ?? result;
        return new StudyRow(cell, result, Word("failure"));
    }

    /// <summary>A query of one file.</summary>
    /// <param name="database">The engine.</param>
    /// <param name="query">The query, with $path.</param>
    /// <param name="path">The file.</param>
    /// <returns>The command.</returns>
    private static DuckDBCommand Command(DuckDBConnection database, string query, string path)
    {
        DuckDBCommand command = database.CreateCommand();
        command.CommandText = query;
        command.Parameters.Add(new DuckDBParameter("path", Literal(path)));
        return command;
    }

    /// <summary>A path in which nothing is a pattern.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The same with its pattern's characters in brackets.</returns>
    private static string Literal(string path) => new StringBuilder(path).Replace("[", "[[]").Replace("*", "[*]").Replace("?", "[?]").ToString();

    /// <summary>A column that is a text, or bytes of one.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="column">The column.</param>
    /// <returns>The text.</returns>
    private static string Text(DuckDBDataReader reader, int column)
    {
        using Stream stream = reader.GetStream(column);
        using var text = new StreamReader(stream, Encoding.UTF8);
        return text.ReadToEnd();
    }

    /// <summary>A property that is a count.</summary>
    /// <param name="properties">All.</param>
    /// <param name="key">Which.</param>
    /// <returns>The count.</returns>
    private static int Number(Dictionary<string, string> properties, string key) => int.Parse(properties[key], NumberStyles.None, CultureInfo.InvariantCulture);
}
