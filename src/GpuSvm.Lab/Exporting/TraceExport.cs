// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes traces as other tools read them. No trace is held in memory; only the summary for ROCm keeps sums.</summary>
public static class TraceExport
{
    /// <summary>Writes a trace, as far as it is good: the reader says afterwards how it ended.</summary>
    /// <param name="reader">The trace, of which nothing has been read yet.</param>
    /// <param name="format">As what.</param>
    /// <param name="stream">Where to; stays open.</param>
    /// <exception cref="IOException">One of the two cannot be read or written.</exception>
    public static void Write(TraceReader reader, ExportFormat format, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(reader);
        using IExporter exporter = format switch
        {
            ExportFormat.Perfetto => new PerfettoExporter(stream),
            ExportFormat.Chrome => new ChromeExporter(stream),
            ExportFormat.Csv => new CsvExporter(stream),
            ExportFormat.Parquet => new ParquetExporter(stream),
            ExportFormat.Rocm => new RocmExporter(stream),
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };
        reader.ReadTo(exporter.Sink);
        exporter.End();
    }
}
