// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads activity records of CUPTI as its samples print them: counters of unified memory (a name, two times in brackets, then names and values) and kernels (a name in quotes and two times in brackets). Samples
/// and the programs made from them differ in the names of fields and in what stands between them, so both are read by name; an address, which not all of them print, is 0 where it is missing.
/// </summary>
internal sealed class CuptiImporter : ILineImporter
{
    private const ulong Cpu = 0xFFFFFFFF; // CUPTI's number of the host.

    private readonly Dictionary<string, string> _fields = [];
    private long _kernels;

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        int counter = line.IndexOf("UNIFIED_MEMORY_COUNTER"u8);
        if (counter >= 0)
            return Counter(line[(counter + "UNIFIED_MEMORY_COUNTER".Length)..], output);
        int kernel = line.IndexOf("KERNEL"u8);
        return kernel >= 0 && IsKernel(line[kernel..]) && Kernel(line[kernel..], output);
    }

    /// <summary>Whether a line that names a kernel is a record of one: it has a name in quotes and times in brackets.</summary>
    /// <param name="line">From the word on.</param>
    /// <returns>True if so.</returns>
    private static bool IsKernel(ReadOnlySpan<byte> line) => line.IndexOf((byte)'"') >= 0 && line.IndexOf((byte)'[') >= 0;

    /// <summary>A counter of unified memory.</summary>
    /// <param name="rest">What stands behind the word.</param>
    /// <param name="output">Gets what it says.</param>
    /// <returns>Whether it is of a kind that traces have.</returns>
    private bool Counter(ReadOnlySpan<byte> rest, ImportOutput output)
    {
        LineScanner scanner = new(rest);
        (long start, long end) = Times(ref scanner);
        ReadFields(Encoding.UTF8.GetString(scanner.Rest));
        string kind = (Field("kind", "counterKind") ?? throw new ImportLineException("a field kind or counterKind", "")).ToUpperInvariant();
        bool isToDevice = kind.EndsWith("HTOD", StringComparison.Ordinal);
        bool isToHost = kind.EndsWith("DTOH", StringComparison.Ordinal);
        bool isMove = isToDevice || isToHost || kind.EndsWith("DTOD", StringComparison.Ordinal);
        bool isCpu = kind.StartsWith("CPU_PAGE_FAULT", StringComparison.Ordinal);
        SvmEventKind? word = isMove ? SvmEventKind.Migration
            : isCpu ? SvmEventKind.CpuFault
            : kind.StartsWith("GPU_PAGE_FAULT", StringComparison.Ordinal) ? SvmEventKind.GpuFault
            : kind.StartsWith("THRASH", StringComparison.Ordinal) ? SvmEventKind.ThrashingDetected
            : kind.StartsWith("THROTTL", StringComparison.Ordinal) ? SvmEventKind.ThrottlingStart
            : kind.StartsWith("REMOTE_MAP", StringComparison.Ordinal) ? SvmEventKind.MapRemote
            : null;
        if (word is null)
            return false;
        ulong value = Number("value", "a value") ?? throw new ImportLineException("a field value", "");
        ulong address = Number("address", "an address") ?? 0;
        ulong flags = Number("flags", "flags") ?? 0;
        short device = isCpu ? SvmPlace.Ram : Device(output, isToHost);
        AddressRange interval = ImportOutput.Interval(isMove ? address : address & ~((ulong)PageSize.Bytes - 1), isMove ? value : PageSize.Bytes); // Of faults the value is an instruction's address, or their number.
        long time = output.TimeOf(end == 0 ? start : end);
        var one = new SvmEvent(word.Value, interval.Start, interval.Bytes)
        {
            Timestamp = time,
            Duration = end == 0 ? 0 : end - start,
            From = isToDevice ? SvmPlace.Ram : isToHost ? device : SvmPlace.None,
            To = isToHost ? SvmPlace.Ram : device,
            Access = flags switch { 2 when !isMove => MemoryAccess.Write, 3 when !isMove => MemoryAccess.Atomic, _ => MemoryAccess.Read },
            Cause = isMove ? CauseOf(flags, isToHost) : MigrationCause.None,
        };
        output.Event(one);
        if (one.Cause == MigrationCause.Eviction)
            output.Event(one with { Kind = SvmEventKind.Eviction });
        return true;
    }

    /// <summary>A kernel.</summary>
    /// <param name="line">From the word on.</param>
    /// <param name="output">Gets it.</param>
    /// <returns>True.</returns>
    private bool Kernel(ReadOnlySpan<byte> line, ImportOutput output)
    {
        int open = line.IndexOf((byte)'"');
        int close = line[(open + 1)..].IndexOf((byte)'"') + open + 1;
        if (close <= open)
            throw new ImportLineException("a second quote behind the kernel's name", "");
        int bracket = line.IndexOf((byte)'[');
        LineScanner scanner = new(bracket < open || bracket > close ? line[bracket..] : line[(close + 1)..]);
        (long start, long end) = Times(ref scanner);
        string rest = Encoding.UTF8.GetString(scanner.Rest);
        int quoted = rest.LastIndexOf('"');
        ReadFields(quoted < 0 ? rest : rest[(quoted + 1)..]);
        short device = output.DeviceOf(Number("device", "a device's number") ?? Number("deviceId", "a device's number") ?? 0);
        string name = Encoding.UTF8.GetString(line[(open + 1)..close]);
        output.Kernel(new TraceKernel(_kernels, device, IsEnd: false, name) { Time = output.TimeOf(start) });
        output.Kernel(new TraceKernel(_kernels++, device, IsEnd: true, name) { Time = output.TimeOf(Math.Max(start, end)) });
        return true;
    }

    /// <summary>Two times in brackets, with a blank, a comma or a dash between them.</summary>
    /// <param name="scanner">Stands before them; afterwards behind them.</param>
    /// <returns>Nanoseconds; the second is 0 for a record that was not ended.</returns>
    private static (long Start, long End) Times(ref LineScanner scanner)
    {
        if (!scanner.TrySkipPast("["u8))
            throw scanner.Unexpected("two times in brackets");
        scanner.SkipBlanks();
        long start = scanner.Number("a time in nanoseconds");
        scanner.SkipBlanks();
        _ = scanner.TryTake(","u8) || scanner.TryTake("-"u8);
        scanner.SkipBlanks();
        long end = scanner.Number("a time in nanoseconds");
        if (end != 0 && end < start)
            throw new ImportLineException($"an end behind {start}", $"{end}");
        scanner.SkipBlanks();
        scanner.Take("]"u8);
        return (start, end);
    }

    /// <summary>Cuts names and values: "kind=X value 5, srcId 0".</summary>
    /// <param name="text">What stands behind the times.</param>
    private void ReadFields(string text)
    {
        _fields.Clear();
        string[] words = text.Split([' ', '\t', '=', ',', ':'], StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i + 1 < words.Length; i += 2)
            _fields.TryAdd(words[i], words[i + 1]);
    }

    /// <summary>The value of the first of some names that is there.</summary>
    /// <param name="names">The names.</param>
    /// <returns>The value, or null.</returns>
    private string? Field(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (_fields.TryGetValue(name, out string? value))
                return value;
        }

        return null;
    }

    /// <summary>A field as a number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The number, or null without the field. An address is hexadecimal, with or without 0x.</returns>
    private ulong? Number(string name, string what)
    {
        if (Field(name) is not { } value)
            return null;
        LineScanner scanner = new(Encoding.UTF8.GetBytes(value));
        ulong number = name == "address" ? scanner.Hex(what) : scanner.NumberOrHex(what);
        return scanner.IsAtEnd ? number : throw scanner.Unexpected($"nothing behind {what}");
    }

    /// <summary>The device of a record: the side that is not the host.</summary>
    /// <param name="output">Numbers devices.</param>
    /// <param name="isToHost">Whether it is the source.</param>
    /// <returns>Its number in the trace.</returns>
    private short Device(ImportOutput output, bool isToHost)
    {
        ulong from = Number(_fields.ContainsKey("source") ? "source" : _fields.ContainsKey("src") ? "src" : "srcId", "a device's number") ?? Cpu;
        ulong to = Number(_fields.ContainsKey("destination") ? "destination" : _fields.ContainsKey("dst") ? "dst" : "dstId", "a device's number") ?? Cpu;
        ulong device = (isToHost && from != Cpu) || to == Cpu ? from : to;
        return output.DeviceOf(device == Cpu ? 0 : device);
    }

    /// <summary>On whose behalf pages moved.</summary>
    /// <param name="flags">NVIDIA's number, as in Nsight's exports.</param>
    /// <param name="toRam">Which way.</param>
    /// <returns>The cause.</returns>
    private static MigrationCause CauseOf(ulong flags, bool toRam) => flags > 5 ? MigrationCause.None : NsightImporter.Cause((long)flags, toRam);
}
