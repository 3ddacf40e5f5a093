// SPDX-License-Identifier: MIT
using System.Buffers.Binary;

namespace GpuSvm.Traces;

/// <summary>Reads a trace block by block and gives its records to a sink. It never holds more than one block.</summary>
/// <remarks>A file that is no trace is refused by the constructor; one that was cut off or damaged later is read as far as it is good, and <see cref="End"/> says where that was.</remarks>
public sealed class TraceReader : IDisposable
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly bool _leaveOpen;
    private readonly byte[] _head = new byte[TraceFile.BlockHeadBytes];
    private readonly TraceRecordReader _records = new();
    private byte[] _payload = new byte[TraceFile.MaxPayloadBytes >> 3];
    private int _payloadBytes;

    /// <summary>Opens a trace and reads its header.</summary>
    /// <param name="stream">Where it is read from; needs no seeking.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="leaveOpen">Whether the stream stays open after <see cref="Dispose"/>.</param>
    /// <exception cref="TraceFileException">It is no trace, or one of a version that this does not know, or its header is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public TraceReader(Stream stream, string name, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _name = name;
        _leaveOpen = leaveOpen;
        ReadPreamble();
        if (ReadBlock(out TraceBlockKind kind) is { } fault)
            throw new TraceFileException(name, BytesRead, $"{fault}: the header is missing, and nothing behind it can be read. Record or import the trace again.");
        Header = (kind == TraceBlockKind.Header ? TraceHeaderCoding.Read(_payload.AsSpan(0, _payloadBytes)) : null)
            ?? throw new TraceFileException(name, TraceFile.PreambleBytes, "this should be a header and is none. Record or import the trace again.");
    }

    /// <summary>What the trace says of itself.</summary>
    public TraceHeader Header { get; }

    /// <summary>Records read.</summary>
    public long Records { get; private set; }

    /// <summary>Records passed over because a later version of the format has kinds that this one does not know.</summary>
    public long UnknownRecords => _records.Unknown;

    /// <summary>Bytes of the good blocks read so far; at an end other than a complete one, the offset of what is missing or damaged.</summary>
    public long BytesRead { get; private set; }

    /// <summary>How the reading ended; none before.</summary>
    public TraceEnd End { get; private set; }

    /// <summary>What is wrong with a trace that was cut off or damaged, for people; empty for a good one.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The reader; dispose it.</returns>
    /// <exception cref="TraceFileException">As the constructor.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TraceReader Open(string path)
    {
        FileStream stream = File.OpenRead(path);
        try
        {
            return new TraceReader(stream, Path.GetFileName(path));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether bytes begin as a trace does, for whoever must tell formats apart.</summary>
    /// <param name="first">The first bytes of a file; 8 are enough.</param>
    /// <returns>True for a trace.</returns>
    public static bool IsTrace(ReadOnlySpan<byte> first) => first.StartsWith(TraceFile.Signature);

    /// <summary>Reads the next block, at most 1 MiB, and gives its records to a sink.</summary>
    /// <param name="sink">Who gets them; what it throws comes out, and the reader can then only be disposed.</param>
    /// <returns>False if there are no more: see <see cref="End"/>.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public bool ReadBlock(ITraceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (End != TraceEnd.None)
            return false;
        long start = BytesRead;
        string? fault = ReadBlock(out TraceBlockKind kind);
        if (fault is not null)
            return Stop(fault == CutOff ? TraceEnd.CutOff : TraceEnd.Damaged, start, fault);
        int records = BinaryPrimitives.ReadInt32LittleEndian(_head.AsSpan(12));
        long before = BinaryPrimitives.ReadInt64LittleEndian(_head.AsSpan(16));
        if (records < 0)
            return Stop(TraceEnd.Damaged, start, $"a block cannot have {records} records");
        if (before != Records)
            return Stop(TraceEnd.Damaged, start, $"this block begins with record {before}, but {Records} were read: a part of the file is missing");
        if (kind == TraceBlockKind.End)
            return Stop(TraceEnd.Complete, BytesRead, "");
        if (kind != TraceBlockKind.Records)
            return Stop(TraceEnd.Damaged, start, $"a block of kind {(uint)kind} stands where records should be");
        int read = _records.Read(_payload.AsSpan(0, _payloadBytes), records, sink);
        Records += read;
        return read == records || Stop(TraceEnd.Damaged, start, $"record {Records} of the trace, number {read} of this block, is malformed");
    }

    /// <summary>Reads all that is left.</summary>
    /// <param name="sink">Who gets the records.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public TraceEnd ReadTo(ITraceSink sink)
    {
        while (ReadBlock(sink))
            continue;
        return End;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_leaveOpen)
            _stream.Dispose();
    }

    /// <summary>What is wrong with a block that is not all there.</summary>
    private const string CutOff = "the file ends here, without the block that says it is complete";

    /// <summary>Remembers how the reading ended.</summary>
    /// <param name="end">How.</param>
    /// <param name="offset">Where.</param>
    /// <param name="problem">Why, for people.</param>
    /// <returns>False.</returns>
    private bool Stop(TraceEnd end, long offset, string problem)
    {
        End = end;
        BytesRead = offset;
        if (problem.Length > 0)
            Problem = $"{_name}, at byte {offset}: {problem}. The {Records} records before it are good.";
        return false;
    }

    /// <summary>Reads signature and version.</summary>
    private void ReadPreamble()
    {
        Span<byte> preamble = stackalloc byte[TraceFile.PreambleBytes];
        int read = _stream.ReadAtLeast(preamble, preamble.Length, throwOnEndOfStream: false);
        if (read < preamble.Length || !IsTrace(preamble))
            throw new TraceFileException(_name, 0, "this is no GpuSvm trace. Other formats have to be imported first.");
        ushort major = BinaryPrimitives.ReadUInt16LittleEndian(preamble[8..]);
        if (major != TraceFile.Major)
            throw new TraceFileException(_name, 8, $"the format has version {major}, and this reads version {TraceFile.Major}. Use the release that wrote it.");
        BytesRead = preamble.Length;
    }

    /// <summary>Reads a block's head and payload and checks them.</summary>
    /// <param name="kind">What is in it.</param>
    /// <returns>Null if it is good, else what is wrong.</returns>
    private string? ReadBlock(out TraceBlockKind kind)
    {
        kind = default;
        if (_stream.ReadAtLeast(_head, _head.Length, throwOnEndOfStream: false) < _head.Length)
            return CutOff;
        kind = (TraceBlockKind)BinaryPrimitives.ReadUInt32LittleEndian(_head.AsSpan(4));
        _payloadBytes = BinaryPrimitives.ReadInt32LittleEndian(_head.AsSpan(8));
        if (BinaryPrimitives.ReadUInt32LittleEndian(_head) != TraceFile.BlockMark)
            return "no block begins here";
        if (_payloadBytes is < 0 or > TraceFile.MaxPayloadBytes)
            return $"a block cannot have {_payloadBytes} bytes";
        if (_payload.Length < _payloadBytes)
            _payload = new byte[_payloadBytes];
        Span<byte> payload = _payload.AsSpan(0, _payloadBytes);
        if (_stream.ReadAtLeast(payload, payload.Length, throwOnEndOfStream: false) < payload.Length)
            return CutOff;
        if (TraceFile.Checksum(_head.AsSpan(4, 20), payload) != BinaryPrimitives.ReadUInt32LittleEndian(_head.AsSpan(24)))
            return "the block's checksum does not fit what is in it";
        BytesRead += _head.Length + payload.Length;
        return null;
    }
}
