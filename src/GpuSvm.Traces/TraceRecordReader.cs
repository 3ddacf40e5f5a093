// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Traces;

/// <summary>Takes the records of a block apart.</summary>
internal sealed class TraceRecordReader
{
    private readonly ulong[] _history = new ulong[TraceFile.History];
    private long _lastTime;
    private ulong _lastStart;

    /// <summary>Records of kinds that are not known here, since the beginning.</summary>
    public long Unknown { get; private set; }

    /// <summary>Reads a block.</summary>
    /// <param name="payload">The block's payload.</param>
    /// <param name="records">How many records it should hold.</param>
    /// <param name="sink">Who gets them.</param>
    /// <returns>How many are good; fewer if one is malformed, or the block holds more bytes than that.</returns>
    public int Read(ReadOnlySpan<byte> payload, int records, ITraceSink sink)
    {
        Array.Clear(_history);
        (_lastTime, _lastStart) = (0, 0);
        var from = new TraceDecoder(payload);
        int accesses = 0, bytes = 0;
        uint agent = 0;
        for (int record = 0; record < records; record++)
        {
            byte tag = from.Byte();
            if (tag < (byte)TraceRecordKind.Access)
            {
                var body = new TraceDecoder(from.Counted());
                if (!from.IsGood || !ReadOther((TraceRecordKind)tag, ref body, sink))
                    return record;
                continue;
            }

            ulong address = _history[(accesses - 1 - (tag >> 2 & (TraceFile.History - 1))) & (TraceFile.History - 1)] + (ulong)from.Signed();
            if ((tag & TraceFile.SameShape) == 0)
            {
                bytes = (int)from.Within(1, int.MaxValue);
                agent = (uint)from.Within(0, uint.MaxValue);
            }

            if ((tag & TraceFile.SameTime) == 0)
                _lastTime += from.Signed();
            int kind = tag & 3;
            if (!from.IsGood || kind > (int)MemoryAccess.Atomic || bytes == 0)
                return record;
            _history[accesses++ & (TraceFile.History - 1)] = address;
            sink.Access(new TraceAccess(new VirtualAddress(address), bytes, (MemoryAccess)kind, TraceAgent.OfCode(agent)) { Time = _lastTime });
        }

        return from.IsAtEnd ? records : records - 1;
    }

    /// <summary>Reads a record that is no access.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="body">The rest of it; what a later version has added behind is left alone.</param>
    /// <param name="sink">Who gets it.</param>
    /// <returns>Whether it is good.</returns>
    private bool ReadOther(TraceRecordKind kind, ref TraceDecoder body, ITraceSink sink)
    {
        if (kind is 0 or > TraceRecordKind.Loss)
        {
            Unknown++;
            return kind != 0;
        }

        _lastTime += body.Signed();
        switch (kind)
        {
            case TraceRecordKind.Kernel:
                var kernel = new TraceKernel(body.Signed(), (int)body.Within(0, TraceAgent.MaxNumber), body.Within(0, 1) != 0, body.Text()) { Time = _lastTime };
                if (body.IsGood)
                    sink.Kernel(kernel);
                break;
            case TraceRecordKind.Mapping:
                var mapping = new TraceMapping(Interval(ref body), body.Within(0, 1) != 0, body.Text()) { Time = _lastTime };
                if (body.IsGood)
                    sink.Mapping(mapping);
                break;
            case TraceRecordKind.Advice:
                var advice = new TraceAdvice(Interval(ref body), ReadAdvice(ref body)) { Time = _lastTime };
                if (body.IsGood)
                    sink.Advice(advice);
                break;
            case TraceRecordKind.Prefetch:
                var prefetch = new TracePrefetch(Interval(ref body), (short)body.Signed()) { Time = _lastTime };
                if (body.IsGood)
                    sink.Prefetch(prefetch);
                break;
            case TraceRecordKind.Bind:
                var bind = new TraceBind(Interval(ref body), (int)body.Within(0, TraceAgent.MaxNumber), (short)body.Signed(), body.Within(0, 1) != 0) { Time = _lastTime };
                if (body.IsGood)
                    sink.Bind(bind);
                break;
            case TraceRecordKind.Residence:
                var residence = new TraceResidence(Interval(ref body), (short)body.Signed()) { Time = _lastTime };
                if (body.IsGood)
                    sink.Resident(residence);
                break;
            case TraceRecordKind.Loss:
                var loss = new TraceLoss(body.Within(1, long.MaxValue)) { Time = _lastTime };
                if (body.IsGood)
                    sink.Lost(loss);
                break;
            default:
                SvmEvent one = ReadEvent(ref body);
                if (body.IsGood)
                    sink.Event(one);
                break;
        }

        return body.IsGood;
    }

    /// <summary>Reads an interval.</summary>
    /// <param name="body">The record.</param>
    /// <returns>The interval.</returns>
    private AddressRange Interval(ref TraceDecoder body)
    {
        _lastStart += (ulong)body.Signed();
        long most = (long)Math.Min(ulong.MaxValue - _lastStart, long.MaxValue); // It never wraps.
        return AddressRange.OfBytes(new VirtualAddress(_lastStart), body.Within(0, most));
    }

    /// <summary>Reads advice.</summary>
    /// <param name="body">The record.</param>
    /// <returns>The advice.</returns>
    private static MemoryAdvice ReadAdvice(ref TraceDecoder body)
    {
        long preferred = body.Within(0, PreferredLocation.MaxDevices + 1);
        var advice = new MemoryAdvice
        {
            Preferred = preferred == 0 ? PreferredLocation.None : preferred == 1 ? PreferredLocation.System : PreferredLocation.OnDevice((int)preferred - 2),
            AccessedBy = body.Varint(),
            DeniedTo = body.Varint(),
            Atomics = (AtomicMode)body.Within(0, (int)AtomicMode.Global),
        };
        long granularity = body.Within(0, MemoryAdvice.MaxGranularity + 1);
        byte flags = body.Byte();
        return advice with
        {
            Granularity = granularity == 0 ? null : new PageOrder((byte)(granularity - 1)),
            IsReadMostly = (flags & 1) != 0,
            NeverMigrate = (flags & 2) != 0,
            IsPinned = (flags & 4) != 0,
        };
    }

    /// <summary>Reads an event.</summary>
    /// <param name="body">The record.</param>
    /// <returns>The event.</returns>
    private SvmEvent ReadEvent(ref TraceDecoder body)
    {
        var kind = (SvmEventKind)body.Within(0, int.MaxValue);
        AddressRange interval = Interval(ref body);
        return new SvmEvent(kind, interval.Start, interval.Bytes)
        {
            Timestamp = _lastTime,
            Duration = body.Within(0, long.MaxValue),
            Culprit = new VirtualAddress(body.Varint()),
            Status = (SvmStatus)body.Signed(),
            From = (short)body.Signed(),
            To = (short)body.Signed(),
            Cause = (MigrationCause)body.Within(0, int.MaxValue),
            Change = (MmuEventKind)body.Within(0, int.MaxValue),
            Access = (MemoryAccess)body.Within(0, int.MaxValue),
        };
    }
}
