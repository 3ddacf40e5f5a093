// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;

namespace GpuSvm.Traces;

/// <summary>Writes a trace, block by block. What has been flushed can be read whatever becomes of the writer; without <see cref="Complete"/> readers say that the trace was cut off.</summary>
/// <remarks>One thread at a time. It keeps one block of at most 1 MiB, whatever the length of the trace. A record with a size below zero is refused, and nothing of it is written.</remarks>
public sealed class TraceWriter : ITraceSink, IDisposable
{
    private const int FlushBytes = 64 << 10; // What a cut costs at most.
    private const int MostNameChars = 64 << 10; // So that a block stays below what readers take.

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly byte[] _head = new byte[TraceFile.BlockHeadBytes];
    private readonly TraceEncoder _block = new();
    private readonly TraceEncoder _body = new();
    private readonly ulong[] _history = new ulong[TraceFile.History];
    private int _accesses; // Since the block began.
    private int _records; // In the block.
    private int _lastBytes;
    private uint _lastAgent;
    private long _lastTime;
    private ulong _lastStart; // Of an interval.
    private bool _isComplete;

    /// <summary>Begins a trace.</summary>
    /// <param name="stream">Where it goes; needs no seeking.</param>
    /// <param name="header">What it says of itself.</param>
    /// <param name="leaveOpen">Whether the stream stays open after <see cref="Dispose"/>.</param>
    /// <exception cref="ArgumentException">The header names no source, or a page size that is none.</exception>
    public TraceWriter(Stream stream, TraceHeader header, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(header);
        ArgumentException.ThrowIfNullOrWhiteSpace(header.Source, nameof(header));
        if (!TraceHeaderCoding.IsPage(header.PageBytes))
            throw new ArgumentException($"A page of {header.PageBytes} bytes: it must be a power of two from {TraceHeaderCoding.LeastPageBytes} up.", nameof(header));
        _stream = stream;
        _leaveOpen = leaveOpen;
        Span<byte> preamble = stackalloc byte[TraceFile.PreambleBytes];
        TraceFile.Signature.CopyTo(preamble);
        BitConverter.TryWriteBytes(preamble[8..], TraceFile.Major);
        BitConverter.TryWriteBytes(preamble[10..], TraceFile.Minor);
        _stream.Write(preamble);
        TraceHeaderCoding.Write(_block, header);
        if (_block.Length > TraceFile.MaxPayloadBytes)
            throw new ArgumentException("The header is larger than 1 MiB: leave properties out.", nameof(header));
        WriteBlock(TraceBlockKind.Header);
    }

    /// <summary>Records written.</summary>
    public long Records { get; private set; }

    /// <summary>Begins a trace in a new file, or over an old one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="header">What the trace says of itself.</param>
    /// <returns>The writer; dispose it.</returns>
    public static TraceWriter Create(string path, TraceHeader header) => new(File.Create(path), header);

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(access.Bytes, 1);
        ulong address = access.Address.Value;
        int nearest = 0;
        long distance = long.MaxValue;
        ulong magnitude = ulong.MaxValue;
        for (int back = 0; back < TraceFile.History; back++)
        {
            long candidate = (long)(address - _history[(_accesses - 1 - back) & (TraceFile.History - 1)]);
            ulong size = (ulong)(candidate ^ (candidate >> 63));
            if (size < magnitude)
                (nearest, distance, magnitude) = (back, candidate, size);
        }

        bool sameShape = access.Bytes == _lastBytes && access.Agent.Code == _lastAgent;
        bool sameTime = access.Time == _lastTime;
        _block.Byte((byte)((int)TraceRecordKind.Access | (int)access.Kind | (nearest << 2) | (sameShape ? TraceFile.SameShape : 0) | (sameTime ? TraceFile.SameTime : 0)));
        _block.Signed(distance);
        if (!sameShape)
        {
            _block.Varint((ulong)access.Bytes);
            _block.Varint(access.Agent.Code);
            _lastBytes = access.Bytes;
            _lastAgent = access.Agent.Code;
        }

        if (!sameTime)
            Time(_block, access.Time);
        _history[_accesses++ & (TraceFile.History - 1)] = address;
        Count();
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(kernel.Device);
        CheckName(kernel.Name);
        Time(_body, kernel.Time);
        _body.Signed(kernel.Id);
        _body.Varint((ulong)kernel.Device);
        _body.Byte(kernel.IsEnd ? (byte)1 : (byte)0);
        _body.Text(kernel.Name);
        Finish(TraceRecordKind.Kernel);
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        CheckInterval(mapping.Interval);
        CheckName(mapping.Name);
        Time(_body, mapping.Time);
        Interval(mapping.Interval);
        _body.Byte(mapping.IsUnmap ? (byte)1 : (byte)0);
        _body.Text(mapping.Name);
        Finish(TraceRecordKind.Mapping);
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        CheckInterval(advice.Interval);
        MemoryAdvice asked = advice.Advice;
        Time(_body, advice.Time);
        Interval(advice.Interval);
        _body.Varint(asked.Preferred.IsNone ? 0UL : asked.Preferred.IsSystem ? 1UL : (ulong)asked.Preferred.Device!.Value + 2);
        _body.Varint(asked.AccessedBy);
        _body.Varint(asked.DeniedTo);
        _body.Varint((ulong)asked.Atomics);
        _body.Varint(asked.Granularity is { } order ? (ulong)order.Value + 1 : 0);
        _body.Byte((byte)((asked.IsReadMostly ? 1 : 0) | (asked.NeverMigrate ? 2 : 0) | (asked.IsPinned ? 4 : 0)));
        Finish(TraceRecordKind.Advice);
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        CheckInterval(prefetch.Interval);
        Time(_body, prefetch.Time);
        Interval(prefetch.Interval);
        _body.Signed(prefetch.Destination);
        Finish(TraceRecordKind.Prefetch);
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        CheckInterval(bind.Interval);
        ArgumentOutOfRangeException.ThrowIfNegative(bind.Device);
        Time(_body, bind.Time);
        Interval(bind.Interval);
        _body.Varint((ulong)bind.Device);
        _body.Signed(bind.Place);
        _body.Byte(bind.IsWritable ? (byte)1 : (byte)0);
        Finish(TraceRecordKind.Bind);
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(one.Bytes);
        ArgumentOutOfRangeException.ThrowIfNegative(one.Duration);
        Time(_body, one.Timestamp);
        _body.Varint((ulong)one.Kind);
        Interval(AddressRange.OfBytes(one.Address, one.Bytes));
        _body.Varint((ulong)one.Duration);
        _body.Varint(one.Culprit.Value);
        _body.Signed((int)one.Status);
        _body.Signed(one.From);
        _body.Signed(one.To);
        _body.Varint((ulong)one.Cause);
        _body.Varint((ulong)one.Change);
        _body.Varint((ulong)one.Access);
        Finish(TraceRecordKind.Event);
    }

    /// <inheritdoc/>
    public void Resident(in TraceResidence residence)
    {
        CheckInterval(residence.Interval);
        Time(_body, residence.Time);
        Interval(residence.Interval);
        _body.Signed(residence.Place);
        Finish(TraceRecordKind.Residence);
    }

    /// <inheritdoc/>
    public void Lost(in TraceLoss loss)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(loss.Records, 1);
        Time(_body, loss.Time);
        _body.Varint((ulong)loss.Records);
        Finish(TraceRecordKind.Loss);
    }

    /// <summary>Hands everything written so far to the stream, and the stream's to the system.</summary>
    public void Flush()
    {
        if (_records > 0)
            WriteBlock(TraceBlockKind.Records);
        _stream.Flush();
    }

    /// <summary>Says that this is all. Nothing can be written after it.</summary>
    public void Complete()
    {
        Flush();
        WriteBlock(TraceBlockKind.End);
        _stream.Flush();
        _isComplete = true;
    }

    /// <summary>Flushes, and closes the stream. A trace that was not completed stays one that was cut off.</summary>
    public void Dispose()
    {
        if (!_isComplete)
            Flush();
        if (!_leaveOpen)
            _stream.Dispose();
    }

    /// <summary>Refuses an interval that runs backwards, before anything of the record is written.</summary>
    /// <param name="interval">The interval.</param>
    private static void CheckInterval(AddressRange interval) => ArgumentOutOfRangeException.ThrowIfNegative(interval.Bytes, nameof(interval));

    /// <summary>Refuses a name that would not fit into a block.</summary>
    /// <param name="name">The name.</param>
    private static void CheckName(string name) => ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, MostNameChars, nameof(name));

    /// <summary>Writes the time of a record as the distance to the last one's.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="time">Nanoseconds since the trace began.</param>
    private void Time(TraceEncoder to, long time)
    {
        to.Signed(time - _lastTime);
        _lastTime = time;
    }

    /// <summary>Writes an interval into the record.</summary>
    /// <param name="interval">The interval.</param>
    private void Interval(AddressRange interval)
    {
        _body.Signed((long)(interval.Start.Value - _lastStart));
        _body.Varint((ulong)interval.Bytes);
        _lastStart = interval.Start.Value;
    }

    /// <summary>Ends a record that is no access.</summary>
    /// <param name="kind">What it is.</param>
    private void Finish(TraceRecordKind kind)
    {
        _block.Byte((byte)kind);
        _block.Counted(_body);
        _body.Clear();
        Count();
    }

    /// <summary>Counts a record, and writes the block if it is long enough.</summary>
    private void Count()
    {
        ObjectDisposedException.ThrowIf(_isComplete, this);
        Records++;
        _records++;
        if (_block.Length >= FlushBytes)
            WriteBlock(TraceBlockKind.Records);
    }

    /// <summary>Writes the block and begins the next one, which refers to nothing in this one.</summary>
    /// <param name="kind">What is in it.</param>
    private void WriteBlock(TraceBlockKind kind)
    {
        TraceFile.WriteHead(_head, kind, _block.Bytes, _records, Records - _records);
        _stream.Write(_head);
        _stream.Write(_block.Bytes);
        _block.Clear();
        Array.Clear(_history);
        (_accesses, _records, _lastBytes, _lastAgent, _lastTime, _lastStart) = (0, 0, 0, 0, 0, 0);
    }
}
