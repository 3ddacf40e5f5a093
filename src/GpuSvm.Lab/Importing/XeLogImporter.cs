// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the lines that the Xe driver's SVM writes to the kernel log when it is built for debugging; the rest of the log is passed over. A fault becomes an event when its range is
/// bound or found valid, with a bind. Copies name no range: those to VRAM take the one that VRAM was allocated for, those to RAM the one that a fault was evicting or that was invalidated
/// for a migration, or none.
/// </summary>
internal sealed class XeLogImporter : ILineImporter
{
    private readonly Dictionary<ulong, long> _faults = []; // When a range's fault began.
    private AddressRange _allocated;
    private AddressRange _leaving; // What the next copy to RAM is of.
    private MigrationCause _leavingFor;

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        int operation = line.IndexOf(": asid="u8);
        bool toVram = line.IndexOf("COPY TO VRAM - "u8) >= 0;
        if (toVram || line.IndexOf("COPY TO SRAM - "u8) >= 0)
            return Copy(line, toVram, output);
        ReadOnlySpan<byte> head = operation < 0 ? default : line[..operation];
        bool isFault = head.IndexOf("PAGE FAULT"u8) >= 0;
        if (!isFault && !head.EndsWith("INVALIDATE"u8) && !head.EndsWith("ALLOCATE VRAM"u8) && !head.EndsWith("GET PAGES"u8) && !head.EndsWith("NOTIFIER"u8)
            && !head.EndsWith("NOTIFIER - EXECUTE"u8) && !head.EndsWith("GARBAGE COLLECTOR"u8) && !head.EndsWith("GARBAGE COLLECTOR ADD"u8))
            return false;
        LineScanner scanner = new(line[(operation + 2)..]);
        scanner.Take("asid="u8);
        _ = scanner.Number("an address space's number");
        bool inVram = scanner.TrySkipPast("vram="u8) && scanner.Number("0 or 1") != 0;
        AddressRange interval = Interval(ref scanner);
        long time = output.TimeOf(Time(line));
        if (isFault)
            Fault(head, interval, inVram, time, output);
        else if (head.EndsWith("ALLOCATE VRAM"u8))
            _allocated = interval;
        else if (head.EndsWith("INVALIDATE"u8))
            Invalidate(ref scanner, interval, time, output);
        return true;
    }

    /// <summary>Takes "start=0x…, end=0x…".</summary>
    /// <param name="scanner">The line, before it.</param>
    /// <returns>The interval.</returns>
    private static AddressRange Interval(ref LineScanner scanner)
    {
        if (!scanner.TrySkipPast("start="u8))
            throw scanner.Unexpected("\"start=\"");
        ulong start = scanner.Hex("the first address");
        if (!scanner.TrySkipPast("end="u8))
            throw scanner.Unexpected("\"end=\"");
        LineScanner before = scanner;
        ulong end = scanner.Hex("the address behind the last");
        return end >= start ? ImportOutput.Interval(start, end - start) : throw before.Unexpected($"an end behind 0x{start:x}");
    }

    /// <summary>The time that the kernel log has before a line: "[ seconds ]".</summary>
    /// <param name="line">The line.</param>
    /// <returns>Nanoseconds; 0 where there is none.</returns>
    private static long Time(ReadOnlySpan<byte> line)
    {
        int open = line.IndexOf((byte)'[');
        if (open < 0)
            return 0;
        LineScanner scanner = new(line[(open + 1)..]);
        scanner.SkipBlanks();
        return !scanner.Rest.IsEmpty && char.IsAsciiDigit((char)scanner.Rest[0]) ? scanner.Seconds("seconds since the machine began") : 0;
    }

    /// <summary>A step of a fault.</summary>
    /// <param name="head">Which.</param>
    /// <param name="interval">The range.</param>
    /// <param name="inVram">Whether it is in the device's memory.</param>
    /// <param name="time">When.</param>
    /// <param name="output">Gets records.</param>
    private void Fault(ReadOnlySpan<byte> head, AddressRange interval, bool inVram, long time, ImportOutput output)
    {
        bool isBind = head.EndsWith("- BIND"u8);
        if (head.EndsWith("PAGE FAULT"u8))
            _faults[interval.Start.Value] = time;
        else if (head.EndsWith("- EVICT PAGES"u8))
            (_leaving, _leavingFor) = (interval, MigrationCause.HostFault);
        if (isBind)
            output.Bind(new TraceBind(interval, 0, inVram ? (short)0 : SvmPlace.Ram, IsWritable: true) { Time = time });
        if (isBind || head.EndsWith("- VALID"u8))
        {
            long duration = _faults.Remove(interval.Start.Value, out long start) ? time - start : 0;
            output.Event(new SvmEvent(SvmEventKind.GpuFault, interval.Start, interval.Bytes) { Timestamp = time, Duration = duration, To = 0 });
        }
    }

    /// <summary>An event of the address space.</summary>
    /// <param name="scanner">The line, behind the interval.</param>
    /// <param name="interval">What it is about.</param>
    /// <param name="time">When.</param>
    /// <param name="output">Gets records.</param>
    private void Invalidate(ref LineScanner scanner, AddressRange interval, long time, ImportOutput output)
    {
        if (!scanner.TrySkipPast("event="u8))
            throw scanner.Unexpected("\"event=\"");
        MmuEventKind change = scanner.Number("the number of an event") switch
        {
            0 => MmuEventKind.Unmap,
            2 or 3 => MmuEventKind.Protection,
            5 => MmuEventKind.Release,
            6 => MmuEventKind.Migrate,
            7 => MmuEventKind.Exclusive,
            _ => MmuEventKind.Clear,
        };
        output.Event(new SvmEvent(SvmEventKind.Invalidation, interval.Start, interval.Bytes) { Timestamp = time, To = 0, Change = change });
        if (change == MmuEventKind.Migrate && _leavingFor != MigrationCause.HostFault)
            (_leaving, _leavingFor) = (interval, MigrationCause.CpuFault);
        if (change == MmuEventKind.Unmap)
            output.Mapping(new TraceMapping(interval, IsUnmap: true) { Time = time });
    }

    /// <summary>A copy.</summary>
    /// <param name="line">The line.</param>
    /// <param name="toVram">Which way.</param>
    /// <param name="output">Gets the event.</param>
    /// <returns>True.</returns>
    private bool Copy(ReadOnlySpan<byte> line, bool toVram, ImportOutput output)
    {
        LineScanner scanner = new(line);
        if (!scanner.TrySkipPast("NPAGES="u8))
            throw scanner.Unexpected("\"NPAGES=\"");
        AddressRange from = toVram ? _allocated : _leaving;
        long bytes = ImportOutput.Pages(0, (ulong)scanner.Number("a number of pages")).Bytes;
        output.Event(new SvmEvent(SvmEventKind.Migration, from.Start, bytes)
        {
            Timestamp = output.TimeOf(Time(line)),
            From = toVram ? SvmPlace.Ram : (short)0,
            To = toVram ? (short)0 : SvmPlace.Ram,
            Cause = toVram ? MigrationCause.GpuFault : _leavingFor,
        });
        AddressRange left = new(from.Start + Math.Min(bytes, from.Bytes), from.End); // The next copy goes on behind it.
        if (toVram)
            _allocated = left;
        if (!toVram && !left.IsEmpty)
            _leaving = left;
        else
            (_leaving, _leavingFor) = (default, MigrationCause.None); // A migration to VRAM invalidates too.
        return true;
    }
}
