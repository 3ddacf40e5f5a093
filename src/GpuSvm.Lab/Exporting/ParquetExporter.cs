// SPDX-License-Identifier: MIT
using GpuSvm.Traces;
using Parquet;
using Parquet.Schema;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes every record as a row of a Parquet table with the columns of <see cref="CsvExporter"/>, in groups of 65536 rows; addresses are unsigned numbers.</summary>
internal sealed class ParquetExporter : IExporter
{
    private const int GroupRows = 1 << 16;

    private static readonly DataField<string> _record = new("record");
    private static readonly DataField<long> _time = new("time_ns");
    private static readonly DataField<long?> _duration = new("duration_ns");
    private static readonly DataField<ulong?> _address = new("address");
    private static readonly DataField<long?> _bytes = new("bytes");
    private static readonly DataField<string> _agent = new("agent");
    private static readonly DataField<string> _from = new("from");
    private static readonly DataField<string> _to = new("to");
    private static readonly DataField<string> _detail = new("detail");
    private static readonly DataField<string> _cause = new("cause");
    private static readonly DataField<string> _status = new("status");
    private static readonly DataField<ulong?> _culprit = new("culprit");
    private static readonly DataField<string> _name = new("name");

    private readonly List<ExportRow> _rows = new(GroupRows);
    private readonly ParquetWriter _writer;
    private bool _hasEnded;

    /// <summary>Begins the file.</summary>
    /// <param name="stream">Where to; stays open.</param>
    public ParquetExporter(Stream stream)
    {
        var schema = new ParquetSchema(_record, _time, _duration, _address, _bytes, _agent, _from, _to, _detail, _cause, _status, _culprit, _name);
        _writer = ParquetWriter.CreateAsync(schema, stream).GetAwaiter().GetResult(); // A trace is read by one thread that waits for its file anyway.
        Sink = new RowSink(Take);
    }

    /// <inheritdoc/>
    public ITraceSink Sink { get; }

    /// <inheritdoc/>
    public void End()
    {
        WriteGroup();
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_hasEnded)
            return;
        _hasEnded = true;
        _writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Takes a row.</summary>
    /// <param name="row">The row.</param>
    private void Take(ExportRow row)
    {
        _rows.Add(row);
        if (_rows.Count == GroupRows)
            WriteGroup();
    }

    /// <summary>Writes the rows taken so far, column by column.</summary>
    private void WriteGroup()
    {
        if (_rows.Count == 0)
            return;
        using (ParquetRowGroupWriter group = _writer.CreateRowGroup())
        {
            Texts(group, _record, row => row.Record);
            Wait(group.WriteAsync<long>(_time, Column(row => row.Time)));
            Wait(group.WriteAsync<long>(_duration, Column(row => row.Duration)));
            Wait(group.WriteAsync<ulong>(_address, Column(row => row.Address)));
            Wait(group.WriteAsync<long>(_bytes, Column(row => row.Bytes)));
            Texts(group, _agent, row => row.Agent);
            Texts(group, _from, row => row.From);
            Texts(group, _to, row => row.To);
            Texts(group, _detail, row => row.Detail);
            Texts(group, _cause, row => row.Cause);
            Texts(group, _status, row => row.Status);
            Wait(group.WriteAsync<ulong>(_culprit, Column(row => row.Culprit)));
            Texts(group, _name, row => row.Name);
            group.CompleteValidate();
        }

        _rows.Clear();
    }

    /// <summary>One column of the rows.</summary>
    /// <param name="select">Which.</param>
    /// <returns>Its values.</returns>
    private ReadOnlyMemory<T> Column<T>(Func<ExportRow, T> select) => _rows.Select(select).ToArray();

    /// <summary>Writes a column of texts.</summary>
    /// <param name="group">Where to.</param>
    /// <param name="field">The column.</param>
    /// <param name="select">Which part of a row it is.</param>
    private void Texts(ParquetRowGroupWriter group, DataField field, Func<ExportRow, string?> select) => Wait(group.WriteAsync(field, _rows.Select(select).ToArray()!));

    /// <summary>Waits until something has been written.</summary>
    /// <param name="writing">What.</param>
    private static void Wait(Task writing) => writing.GetAwaiter().GetResult();
}
