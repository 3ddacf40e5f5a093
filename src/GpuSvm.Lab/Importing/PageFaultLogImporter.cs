// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads user-space page faults (the tracepoint exceptions:page_fault_user) from what ftrace or perf script print. Each becomes a CPU fault, and an access of the thread. Other events are passed over.
/// </summary>
internal sealed class PageFaultLogImporter : ILineImporter
{
    private const ulong WriteBit = 2; // Of an x86 page fault's error code.
    private const int MostDigits = 12; // Of an address of 47 bits.

    private readonly Dictionary<long, int> _threads = [];

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        int name = line.IndexOf("page_fault_user: "u8);
        if (name < 0)
            return false;
        LineScanner scanner = new(line[name..]);
        scanner.Take("page_fault_user: "u8);
        if (!scanner.TrySkipPast("address="u8))
            throw scanner.Unexpected("\"address=\"");
        ulong address = Pointer(ref scanner);
        if (!scanner.TrySkipPast("error_code="u8))
            throw scanner.Unexpected("\"error_code=\"");
        bool isWrite = (scanner.Hex("an error code") & WriteBit) != 0;
        AddressRange page = ImportOutput.Interval(address & ~((ulong)PageSize.Bytes - 1), PageSize.Bytes);
        (long thread, long seconds) = Before(line[..name]);
        if (!_threads.TryGetValue(thread, out int number))
            _threads.Add(thread, number = _threads.Count);
        MemoryAccess access = isWrite ? MemoryAccess.Write : MemoryAccess.Read;
        long time = output.TimeOf(seconds);
        output.Access(new TraceAccess(new VirtualAddress(address), 1, access, TraceAgent.Cpu(number)) { Time = time });
        output.Event(new SvmEvent(SvmEventKind.CpuFault, page.Start, page.Bytes) { Timestamp = time, To = SvmPlace.Ram, Access = access });
        return true;
    }

    /// <summary>Takes a pointer. The kernel's format has an f behind it that some tools print as it stands.</summary>
    /// <param name="scanner">Stands at it.</param>
    /// <returns>The address.</returns>
    private static ulong Pointer(ref LineScanner scanner)
    {
        LineScanner word = new(scanner.Word());
        int digits = word.Rest.Length - (word.Rest.StartsWith("0x"u8) ? 2 : 0);
        ReadOnlySpan<byte> number = digits > MostDigits && word.Rest[^1] == (byte)'f' ? word.Rest[..^1] : word.Rest;
        return new LineScanner(number).Hex("an address");
    }

    /// <summary>The thread and the time that stand before an event: "comm-123 [000] flags 12.345678:" of ftrace, "comm 123 [000] 12.345678: exceptions:" of perf, which leaves the processor out where it recorded
    /// none.</summary>
    /// <param name="head">What stands there.</param>
    /// <returns>The thread's number, and nanoseconds; 0 for what is missing.</returns>
    private static (long Thread, long Nanoseconds) Before(ReadOnlySpan<byte> head)
    {
        if (head.EndsWith("exceptions:"u8))
            head = head[..^"exceptions:".Length];
        head = head.TrimEnd(" \t"u8);
        if (!head.EndsWith(":"u8))
            return (0, 0);
        head = head[..^1];
        int blank = head.LastIndexOfAny((byte)' ', (byte)'\t');
        long time = new LineScanner(head[(blank + 1)..]).Seconds("a time in seconds");
        int bracket = head.IndexOf((byte)'[');
        ReadOnlySpan<byte> comm = head[..Math.Max(0, bracket > 0 ? bracket : blank)].TrimEnd(" \t"u8);
        int digits = comm.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9') + 1;
        return (digits < comm.Length ? new LineScanner(comm[digits..]).Number("a thread's number") : 0, time);
    }
}
