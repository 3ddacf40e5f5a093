// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the events of AMD's KFD SMI interface: a hexadecimal event number, then what the kernel prints for it. What begins and ends becomes one event at its end, with
/// its duration; other events, such as thermal ones, are passed over. Node 0 is system memory. Addresses and sizes are in pages.
/// </summary>
internal sealed class KfdSmiImporter : ILineImporter
{
    private readonly Dictionary<(long Process, ulong Page), (long Time, bool IsWrite)> _faults = [];
    private readonly Dictionary<(long Process, ulong Page), long> _migrations = [];
    private readonly Dictionary<(long Process, ulong Node), long> _stops = [];

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        LineScanner scanner = new(line);
        if (scanner.IsAtEnd)
            return false;
        ulong kind = scanner.Hex("the number of an event");
        if (kind is < 5 or > 11)
            return false;
        scanner.Take(" "u8);
        long nanoseconds = scanner.Number("nanoseconds");
        long time = output.TimeOf(nanoseconds);
        scanner.Take(" -"u8);
        long process = scanner.Number("a process's number");
        scanner.Take(" "u8);
        switch (kind)
        {
            case 5:
                _migrations[(process, Pages(ref scanner).Start.PageNumber)] = time;
                break;
            case 6:
                EndMigration(ref scanner, output, process, time);
                break;
            case 7:
                ulong touched = FaultPage(ref scanner, out _);
                scanner.Take(" "u8);
                _faults[(process, touched)] = (time, scanner.TryTake("W"u8) || (scanner.TryTake("R"u8) ? false : throw scanner.Unexpected("R or W")));
                break;
            case 8:
                EndFault(ref scanner, output, process, time);
                break;
            case 9 or 10:
                Queue(ref scanner, output, process, time, isStop: kind == 9);
                break;
            default:
                Unmap(ref scanner, output, time);
                break;
        }

        return true;
    }

    /// <summary>Takes "@start(pages)".</summary>
    /// <param name="scanner">The line.</param>
    /// <returns>The interval.</returns>
    private static AddressRange Pages(ref LineScanner scanner)
    {
        scanner.Take("@"u8);
        ulong first = scanner.Hex("the first page");
        scanner.Take("("u8);
        ulong pages = scanner.Hex("a number of pages");
        scanner.Take(")"u8);
        return ImportOutput.Pages(first, pages);
    }

    /// <summary>Takes "@page(node)".</summary>
    /// <param name="scanner">The line.</param>
    /// <param name="node">Who touched it.</param>
    /// <returns>The page.</returns>
    private static ulong FaultPage(ref LineScanner scanner, out ulong node)
    {
        scanner.Take("@"u8);
        ulong page = ImportOutput.Pages(scanner.Hex("a page"), 1).Start.PageNumber;
        scanner.Take("("u8);
        node = scanner.Hex("a node");
        scanner.Take(")"u8);
        return page;
    }

    /// <summary>Where a node's memory is.</summary>
    /// <param name="node">The node.</param>
    /// <param name="output">Numbers devices.</param>
    /// <returns>A device, or system memory.</returns>
    private static short Place(ulong node, ImportOutput output) => node == 0 ? SvmPlace.Ram : output.DeviceOf(node);

    /// <summary>A migration has ended.</summary>
    /// <param name="scanner">Stands at the interval.</param>
    /// <param name="output">Gets the event; two for an eviction.</param>
    /// <param name="process">Whose.</param>
    /// <param name="time">When.</param>
    private void EndMigration(ref LineScanner scanner, ImportOutput output, long process, long time)
    {
        AddressRange interval = Pages(ref scanner);
        scanner.Take(" "u8);
        ulong from = scanner.Hex("the node it comes from");
        scanner.Take("->"u8);
        ulong to = scanner.Hex("the node it goes to");
        scanner.Take(" "u8);
        long trigger = scanner.Number("a trigger");
        scanner.SkipBlanks();
        bool failed = false;
        if (!scanner.IsAtEnd)
        {
            failed = scanner.TryTake("-"u8);
            failed |= scanner.Number("an error") != 0;
        }

        long duration = _migrations.Remove((process, interval.Start.PageNumber), out long start) ? time - start : 0;
        var one = new SvmEvent(SvmEventKind.Migration, interval.Start, interval.Bytes)
        {
            Timestamp = time,
            Duration = duration,
            From = Place(from, output),
            To = Place(to, output),
            Status = failed ? SvmStatus.CopyFailed : SvmStatus.Done,
            Cause = trigger switch { 0 => MigrationCause.Prefetch, 1 => MigrationCause.GpuFault, 2 => MigrationCause.CpuFault, 3 => MigrationCause.Eviction, _ => MigrationCause.None },
        };
        output.Event(one);
        if (one.Cause == MigrationCause.Eviction && !failed)
            output.Event(one with { Kind = SvmEventKind.Eviction });
    }

    /// <summary>A fault has been handled.</summary>
    /// <param name="scanner">Stands at the page.</param>
    /// <param name="output">Gets the event.</param>
    /// <param name="process">Whose.</param>
    /// <param name="time">When.</param>
    private void EndFault(ref LineScanner scanner, ImportOutput output, long process, long time)
    {
        ulong page = FaultPage(ref scanner, out ulong node);
        scanner.Take(" "u8);
        if (!scanner.TryTake("M"u8) && !scanner.TryTake("U"u8))
            throw scanner.Unexpected("M or U");
        bool isKnown = _faults.Remove((process, page), out (long Time, bool IsWrite) begun);
        output.Event(new SvmEvent(SvmEventKind.GpuFault, VirtualAddress.OfPage(page), PageSize.Bytes)
        {
            Timestamp = time,
            Duration = isKnown ? time - begun.Time : 0,
            To = output.DeviceOf(node),
            Access = begun.IsWrite ? MemoryAccess.Write : MemoryAccess.Read,
        });
    }

    /// <summary>A device's queues of a process are stopped, or go on.</summary>
    /// <param name="scanner">Stands at the node.</param>
    /// <param name="output">Gets the event.</param>
    /// <param name="process">Whose.</param>
    /// <param name="time">When.</param>
    /// <param name="isStop">Which of the two.</param>
    private void Queue(ref LineScanner scanner, ImportOutput output, long process, long time, bool isStop)
    {
        ulong node = scanner.Hex("a node");
        if (isStop)
            _stops[(process, node)] = time;
        long duration = !isStop && _stops.Remove((process, node), out long since) ? time - since : 0;
        output.Event(new SvmEvent(isStop ? SvmEventKind.QueueStop : SvmEventKind.QueueRestore, default, 0) { Timestamp = time, Duration = duration, To = output.DeviceOf(node) });
    }

    /// <summary>A device has lost an interval.</summary>
    /// <param name="scanner">Stands at the interval.</param>
    /// <param name="output">Gets the event.</param>
    /// <param name="time">When.</param>
    private static void Unmap(ref LineScanner scanner, ImportOutput output, long time)
    {
        AddressRange interval = Pages(ref scanner);
        scanner.Take(" "u8);
        ulong node = scanner.Hex("a node");
        scanner.Take(" "u8);
        long trigger = scanner.Number("a trigger");
        output.Event(new SvmEvent(SvmEventKind.Invalidation, interval.Start, interval.Bytes)
        {
            Timestamp = time,
            To = output.DeviceOf(node),
            Change = trigger switch { 0 => MmuEventKind.Clear, 1 => MmuEventKind.Migrate, _ => MmuEventKind.Unmap },
        });
    }
}
