// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes every record as a row of comma-separated values (RFC 4180) below a head of column names; addresses in hexadecimal.</summary>
internal sealed class CsvExporter : IExporter
{
    private const string Head = "record,time_ns,duration_ns,address,bytes,agent,from,to,detail,cause,status,culprit,name";
    private static readonly System.Buffers.SearchValues<char> _special = System.Buffers.SearchValues.Create(",\"\r\n");

    private readonly StreamWriter _writer;

    /// <summary>Begins the file.</summary>
    /// <param name="stream">Where to; stays open.</param>
    public CsvExporter(Stream stream)
    {
        _writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\r\n" };
        _writer.WriteLine(Head);
        Sink = new RowSink(Write);
    }

    /// <inheritdoc/>
    public ITraceSink Sink { get; }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    /// <inheritdoc/>
    public void End() => _writer.Flush();

    /// <summary>A text as a field.</summary>
    /// <param name="text">The text; null for nothing.</param>
    /// <returns>The text, in quotes where it needs them.</returns>
    private static string Field(string? text) => text is null ? "" : text.AsSpan().IndexOfAny(_special) < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Writes a row.</summary>
    /// <param name="row">The row.</param>
    private void Write(ExportRow row)
    {
        string? address = row.Address is { } first ? $"0x{first:x}" : null;
        string? culprit = row.Culprit is { } whom ? $"0x{whom:x}" : null;
        _writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{row.Record},{row.Time},{row.Duration},{address},{row.Bytes},{row.Agent},{row.From},{row.To},{Field(row.Detail)},{row.Cause},{row.Status},{culprit},{Field(row.Name)}"));
    }
}
