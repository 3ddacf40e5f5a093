// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>
/// Reads edge lists: one directed edge a line, <c>source target</c>, node numbers of 0 or greater; further columns (weights, dates) are ignored.
/// Lines that are empty or begin with '#' or '%' are skipped; with commas or tabs the first line may be a heading.
/// </summary>
public static class EdgeListReader
{
    /// <summary>Reads all edges.</summary>
    /// <param name="lines">The text, at its beginning.</param>
    /// <param name="separator">',' or tab, or 0 for blanks.</param>
    /// <param name="name">What the graph is called in reports.</param>
    /// <exception cref="GraphFormatException">A line is not an edge, or there is no edge at all.</exception>
    public static CsrGraph Read(LineReader lines, byte separator, string name)
    {
        var shape = separator switch
        {
            (byte)',' => "two node numbers of 0 or greater with a comma between them (\"12,34\")",
            (byte)'\t' => "two node numbers of 0 or greater with a tab between them",
            _ => "two node numbers of 0 or greater with a blank between them (\"12 34\")",
        };
        var edges = new EdgeList();
        var headingAllowed = separator != 0;
        while (lines.TryRead(out var line))
        {
            if (line.Trim(" \t"u8).IsEmpty || line[0] is (byte)'#' or (byte)'%')
                continue;
            var fields = new FieldReader(line, separator);
            if (fields.TryNextNumber(out var source) && fields.TryNextNumber(out var target))
                edges.Add(source, target);
            else if (!headingAllowed || !LooksLikeHeading(line, separator))
                throw new GraphFormatException(lines.Line, shape, LineReader.Show(line));
            headingAllowed = false;
        }

        return edges.Count > 0 ? edges.ToGraph(null, name) : throw new GraphFormatException(lines.Line + 1, "at least one edge, " + shape, "");
    }

    /// <summary>Whether a line names its columns: at least two fields, each beginning with a letter.</summary>
    private static bool LooksLikeHeading(ReadOnlySpan<byte> line, byte separator)
    {
        var fields = new FieldReader(line, separator);
        var count = 0;
        while (fields.TryNext(out var field))
        {
            if (field.IsEmpty || !char.IsAsciiLetter((char)field[0]))
                return false;
            count++;
        }

        return count >= 2;
    }
}
