// SPDX-License-Identifier: MIT
using System.Buffers.Binary;
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Trace files: what is written is read, and what is damaged is told of.</summary>
public sealed class TraceFileTests
{
    private static readonly TraceHeader _header = new()
    {
        Source = "a test",
        CostModel = "none",
        DeviceMemoryBytes = [1 << 20, 1L << 40],
        HostMemoryBytes = 1L << 33,
        Properties = new Dictionary<string, string> { ["prefetch"] = "tree", ["ä"] = "" },
    };

    private static readonly Gen<AddressRange> _intervals = Gen.Select(Gen.ULong[0, 1UL << 47], Gen.Long[0, 1L << 40], (start, bytes) => AddressRange.OfBytes(new VirtualAddress(start), bytes));
    private static readonly Gen<MemoryAccess> _kinds = Gen.Enum<MemoryAccess>();
    private static readonly Gen<long> _times = Gen.OneOf(Gen.Const(0L), Gen.Long[0, 1L << 60]);

    private static readonly Gen<object> _records = Gen.OneOf<object>(
        Gen.Select(
            Gen.OneOf(Gen.ULong, Gen.ULong[0, 4096]),
            Gen.OneOf(Gen.Const(128), Gen.Int[1, int.MaxValue]),
            _kinds,
            Gen.Bool,
            Gen.Int[0, TraceAgent.MaxNumber],
            _times,
            (address, bytes, kind, isDevice, number, time) =>
                (object)new TraceAccess(new VirtualAddress(address), bytes, kind, isDevice ? TraceAgent.Device(number) : TraceAgent.Cpu(number)) { Time = time }),
        Gen.Select(Gen.Long, Gen.Int[0, 9], Gen.Bool, Gen.String, _times, (id, device, isEnd, name, time) => (object)new TraceKernel(id, device, isEnd, Utf(name)) { Time = time }),
        Gen.Select(_intervals, Gen.Bool, Gen.String, _times, (interval, isUnmap, name, time) => (object)new TraceMapping(interval, isUnmap, Utf(name)) { Time = time }),
        Gen.Select(_intervals, Gen.Int[-2, 63], Gen.ULong, Gen.Enum<AtomicMode>(), Gen.Int[-1, 63], Gen.Int[0, 7], _times, Advice),
        Gen.Select(_intervals, Gen.Short, _times, (interval, destination, time) => (object)new TracePrefetch(interval, destination) { Time = time }),
        Gen.Select(_intervals, Gen.Short, _times, (interval, place, time) => (object)new TraceResidence(interval, place) { Time = time }),
        Gen.Select(Gen.Long[1, long.MaxValue], _times, (records, time) => (object)new TraceLoss(records) { Time = time }),
        Gen.Select(_intervals, Gen.Int[0, 9], Gen.Short, Gen.Bool, _times, (interval, device, place, isWritable, time) =>
            (object)new TraceBind(interval, device, place, isWritable) { Time = time }),
        Gen.Select(Gen.Enum<SvmEventKind>(), _intervals, _times, Gen.Enum<SvmStatus>(), Gen.Enum<MigrationCause>(), Gen.Enum<MmuEventKind>(), _kinds, Gen.Short, Event));

    [Fact]
    public void EveryRecordIsReadAsItWasWritten() => _records.List[0, 300].Sample(
        records =>
        {
            byte[] file = Write(records, complete: true, flushEach: 50);
            (TraceRecorder read, TraceReader reader) = Read(file);
            Assert.Equal(TraceEnd.Complete, reader.End);
            Assert.Equal(records, read.Records);
        },
        iter: 300);

    [Fact]
    public void TheHeaderIsReadAsItWasWritten()
    {
        TraceHeader read = Read(Write([], complete: true)).Reader.Header;
        Assert.Equal(_header.Source, read.Source);
        Assert.Equal(_header.CostModel, read.CostModel);
        Assert.Equal(_header.PageBytes, read.PageBytes);
        Assert.Equal(_header.HostMemoryBytes, read.HostMemoryBytes);
        Assert.Equal(_header.DeviceMemoryBytes, read.DeviceMemoryBytes);
        Assert.Equal(_header.Properties, read.Properties);
    }

    [Fact]
    public void WhateverTheCutEverythingInWholeBlocksBeforeItIsRead()
    {
        List<object> records = [.. Enumerable.Range(0, 90).Select(i => (object)Access(i * 128))];
        byte[] file = Write(records, complete: true, flushEach: 10);
        int first = Read(Write([], complete: false)).Length, most = 0;
        for (int length = first; length < file.Length; length++)
        {
            (TraceRecorder read, TraceReader reader) = Read(file[..length]);
            Assert.Equal(TraceEnd.CutOff, reader.End);
            Assert.Contains($"at byte {reader.BytesRead}", reader.Problem, StringComparison.Ordinal);
            Assert.Equal(records.Take(read.Records.Count), read.Records);
            Assert.Equal(0, read.Records.Count % 10);
            Assert.True(read.Records.Count >= most);
            most = read.Records.Count;
        }

        Assert.Equal(90, most);
    }

    [Fact]
    public void AFileThatEndsInItsHeaderIsRefused()
    {
        byte[] file = Write([Access(0)], complete: true);
        int first = Read(Write([], complete: false)).Length;
        for (int length = 0; length < first; length++)
            Assert.Throws<TraceFileException>(() => Read(file[..length]));
    }

    [Fact]
    public void AChangedByteIsFoundAndWhatStandsBeforeItIsGood()
    {
        List<object> records = [.. Enumerable.Range(0, 90).Select(i => (object)Access(i * 128))];
        byte[] good = Write(records, complete: true, flushEach: 10);
        int first = Read(Write([], complete: false)).Length;
        for (int at = first; at < good.Length; at++)
        {
            byte[] file = [.. good];
            file[at] ^= 0x10;
            (TraceRecorder read, TraceReader reader) = Read(file);
            Assert.NotEqual(TraceEnd.Complete, reader.End);
            Assert.Equal(records.Take(read.Records.Count), read.Records);
            Assert.InRange(reader.BytesRead, first, at);
        }
    }

    [Fact]
    public void AMissingBlockIsFound()
    {
        byte[] whole = Write([.. Enumerable.Range(0, 30).Select(i => (object)Access(i * 128))], complete: true, flushEach: 10);
        byte[] one = Write([.. Enumerable.Range(0, 10).Select(i => (object)Access(i * 128))], complete: false, flushEach: 10);
        int first = Read(Write([], complete: false)).Length;
        byte[] without = [.. whole[..first], .. whole[one.Length..]];
        (TraceRecorder read, TraceReader reader) = Read(without);
        Assert.Empty(read.Records);
        Assert.Equal(TraceEnd.Damaged, reader.End);
        Assert.Contains("a part of the file is missing", reader.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherFileIsRefusedWithWhatToDo()
    {
        var refusal = Assert.Throws<TraceFileException>(() => Read("start,end,address\n1,2,3\n"u8.ToArray()));
        Assert.Contains("imported first", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ALaterMajorVersionIsRefusedByName()
    {
        byte[] file = Write([], complete: true);
        file[8] = 2;
        var refusal = Assert.Throws<TraceFileException>(() => Read(file));
        Assert.Contains("version 2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AKindOfALaterVersionIsPassedOver()
    {
        byte[] file = Write([Access(0), new TraceKernel(1, 0, false, "k"), Access(128)], complete: true, flushEach: 3);
        int block = Read(Write([], complete: false)).Length;
        int bytes = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(block + 8));
        Span<byte> payload = file.AsSpan(block + 28, bytes);
        payload[payload.IndexOf("\u0001\u0006"u8)] = 77; // The kernel's tag, before its 6 bytes, becomes one that nobody knows.
        TraceFile.WriteHead(file.AsSpan(block), TraceBlockKind.Records, payload, 3, 0);
        (TraceRecorder read, TraceReader reader) = Read(file);
        Assert.Equal(TraceEnd.Complete, reader.End);
        Assert.Equal([Access(0), Access(128)], read.Records);
        Assert.Equal(1, reader.UnknownRecords);
    }

    [Fact]
    public void PayloadsOfRubbishAreDamagedAndNeverMore() => Gen.Byte.Array[0, 200].Sample(
        rubbish =>
        {
            byte[] head = new byte[28];
            TraceFile.WriteHead(head, TraceBlockKind.Records, rubbish, 100, 0);
            byte[] file = [.. Write([], complete: false), .. head, .. rubbish];
            (TraceRecorder read, TraceReader reader) = Read(file);
            Assert.True(reader.End == TraceEnd.Damaged || reader.Records == 100);
        },
        iter: 3000);

    [Fact]
    public void ABlockOfLessThanNoRecordsIsDamaged()
    {
        byte[] head = new byte[28];
        TraceFile.WriteHead(head, TraceBlockKind.Records, [], -1, 0);
        ReadFile read = Read([.. Write([], complete: false), .. head]);
        Assert.Equal(TraceEnd.Damaged, read.Reader.End);
        Assert.Equal(0, read.Reader.Records);
    }

    [Fact]
    public void ThreeArraysReadInStepTakeThreeBytesAnAccess()
    {
        const int accesses = 300_000;
        byte[] file = Write([.. Enumerable.Range(0, accesses).Select(i => (object)Access(((i % 3) << 24) + (i / 3 * 128L)))], complete: true);
        Assert.InRange(file.Length / (double)accesses, 1, 3.1);
    }

    [Fact]
    public void WhatIsNoSizeIsRefusedAndNothingOfItIsWritten()
    {
        using var stream = new MemoryStream();
        using (var writer = new TraceWriter(stream, _header, leaveOpen: true))
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Access(Access(0) with { Bytes = 0 }));
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Mapping(new TraceMapping(new AddressRange(new VirtualAddress(8192), default), false)));
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Event(new SvmEvent(SvmEventKind.GpuFault, default, -1)));
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Kernel(new TraceKernel(0, -1, false)));
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Kernel(new TraceKernel(0, 0, false, new string('x', 70_000))));
            writer.Access(Access(128));
            writer.Complete();
        }

        Assert.Equal([Access(128)], Read(stream.ToArray()).Read.Records);
        Assert.Throws<ArgumentException>(() => new TraceWriter(stream, new TraceHeader { Source = " " }));
        Assert.Throws<ArgumentException>(() => new TraceWriter(stream, _header with { PageBytes = 5000 }));
    }

    /// <summary>A read of 128 bytes by device 0.</summary>
    private static TraceAccess Access(long address) => new(new VirtualAddress((ulong)address), 128, MemoryAccess.Read, TraceAgent.Device());

    /// <summary>A text as it comes back from UTF-8: half surrogate pairs do not survive.</summary>
    private static string Utf(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Advice out of drawn numbers.</summary>
    private static object Advice(AddressRange interval, int preferred, ulong devices, AtomicMode atomics, int granularity, int flags, long time) => new TraceAdvice(interval, new MemoryAdvice
    {
        Preferred = preferred == -2 ? PreferredLocation.None : preferred == -1 ? PreferredLocation.System : PreferredLocation.OnDevice(preferred),
        AccessedBy = devices,
        DeniedTo = ~devices,
        Atomics = atomics,
        Granularity = granularity < 0 ? null : new PageOrder((byte)granularity),
        IsReadMostly = (flags & 1) != 0,
        NeverMigrate = (flags & 2) != 0,
        IsPinned = (flags & 4) != 0,
    })
    { Time = time };

    /// <summary>An event out of drawn values.</summary>
    private static object Event(SvmEventKind kind, AddressRange interval, long time, SvmStatus status, MigrationCause cause, MmuEventKind change, MemoryAccess access, short place) =>
        new SvmEvent(kind, interval.Start, interval.Bytes)
        {
            Timestamp = time,
            Duration = interval.Bytes,
            Culprit = interval.End,
            Status = status,
            From = place,
            To = (short)~place,
            Cause = cause,
            Change = change,
            Access = access,
        };

    /// <summary>Writes a file.</summary>
    private static byte[] Write(IReadOnlyList<object> records, bool complete, int flushEach = int.MaxValue)
    {
        using var stream = new MemoryStream();
        using (var writer = new TraceWriter(stream, _header, leaveOpen: true))
        {
            foreach (object[] some in records.Chunk(flushEach))
            {
                var recorder = new TraceRecorder();
                recorder.Records.AddRange(some);
                recorder.Replay(writer);
                writer.Flush();
            }

            if (complete)
                writer.Complete();
        }

        return stream.ToArray();
    }

    /// <summary>Reads a file as far as it goes.</summary>
    private static ReadFile Read(byte[] file)
    {
        var read = new TraceRecorder();
        var reader = new TraceReader(new MemoryStream(file), "t");
        reader.ReadTo(read);
        return new ReadFile(read, reader, file.Length);
    }

    /// <summary>A file that was read.</summary>
    private sealed record ReadFile(TraceRecorder Read, TraceReader Reader, int Length)
    {
        /// <summary>Records and reader.</summary>
        public void Deconstruct(out TraceRecorder read, out TraceReader reader) => (read, reader) = (Read, Reader);
    }
}
