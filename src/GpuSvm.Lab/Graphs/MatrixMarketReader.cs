// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Lab.Graphs;

/// <summary>
/// Reads Matrix Market coordinate files as graphs: entry (row, column) is an edge from row to column, numbered from 1 in the file and from 0 here.
/// Fields pattern, real and integer (values are checked to be there and ignored); general and symmetric, where a symmetric entry off the diagonal is
/// an edge both ways.
/// </summary>
public static class MatrixMarketReader
{
    /// <summary>What the first line must look like.</summary>
    private const string Banner = "\"%%MatrixMarket matrix coordinate pattern|real|integer general|symmetric\"";

    /// <summary>Reads the whole matrix.</summary>
    /// <param name="lines">The text, at its beginning.</param>
    /// <param name="name">What the graph is called in reports.</param>
    /// <exception cref="GraphFormatException">The file is not such a matrix, or has fewer or more entries than it says.</exception>
    public static CsrGraph Read(LineReader lines, string name)
    {
        var (valued, symmetric) = ReadBanner(lines);
        var (nodes, entries) = ReadSize(lines);
        var shape = $"\"row column{(valued ? " value" : "")}\" with row and column in 1 .. {nodes}";
        var edges = new EdgeList();
        long read = 0;
        while (lines.TryRead(out var line))
        {
            if (IsBlankOrComment(line))
                continue;
            if (read == entries)
                throw new GraphFormatException(lines.Line, $"no more than the {entries} entries that the size line announces", LineReader.Show(line));
            var fields = new FieldReader(line, 0);
            if (!fields.TryNextNumber(out var row) || !fields.TryNextNumber(out var column) || row < 1 || row > nodes || column < 1 || column > nodes
                || (valued && !fields.TryNext(out _)))
                throw new GraphFormatException(lines.Line, shape, LineReader.Show(line));
            edges.Add(row - 1, column - 1);
            if (symmetric && row != column)
                edges.Add(column - 1, row - 1);
            read++;
        }

        if (read < entries)
            throw new GraphFormatException(lines.Line + 1, $"{entries} entries ({read} were there)", "");
        return edges.Count > 0 ? edges.ToGraph(nodes, name) : throw new GraphFormatException(lines.Line + 1, "at least one entry", "");
    }

    /// <summary>Reads the first line; gives whether entries have values and whether the matrix is symmetric.</summary>
    private static (bool Valued, bool Symmetric) ReadBanner(LineReader lines)
    {
        if (!lines.TryRead(out var line))
            throw new GraphFormatException(1, Banner, "");
        var words = Encoding.UTF8.GetString(line[..Math.Min(line.Length, 200)]).ToLowerInvariant()
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words is not ["%%matrixmarket", "matrix", "coordinate", "pattern" or "real" or "integer", "general" or "symmetric"])
            throw new GraphFormatException(1, Banner, LineReader.Show(line));
        return (words[3] != "pattern", words[4] == "symmetric");
    }

    /// <summary>Reads the line "rows columns entries" behind the comments.</summary>
    private static (long Nodes, long Entries) ReadSize(LineReader lines)
    {
        while (lines.TryRead(out var line))
        {
            if (IsBlankOrComment(line))
                continue;
            var fields = new FieldReader(line, 0);
            if (!fields.TryNextNumber(out var rows) || !fields.TryNextNumber(out var columns) || !fields.TryNextNumber(out var entries)
                || fields.TryNext(out _))
                throw new GraphFormatException(lines.Line, "the size line \"rows columns entries\"", LineReader.Show(line));
            if (rows != columns || rows == 0 || rows > EdgeList.MostNodes)
                throw new GraphFormatException(lines.Line, $"a square matrix of 1 to {EdgeList.MostNodes} rows", LineReader.Show(line));
            return (rows, entries);
        }

        throw new GraphFormatException(lines.Line + 1, "the size line \"rows columns entries\"", "");
    }

    /// <summary>Whether a line has nothing to read.</summary>
    private static bool IsBlankOrComment(ReadOnlySpan<byte> line) => line.Trim(" \t"u8).IsEmpty || line[0] == (byte)'%';
}
