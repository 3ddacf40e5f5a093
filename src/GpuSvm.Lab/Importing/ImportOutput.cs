// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>Where importers put records: it counts them, numbers devices in the order in which they are met, and lets time begin with the first record.</summary>
/// <param name="sink">Who gets the records.</param>
internal sealed class ImportOutput(ITraceSink sink)
{
    private const ulong MostAddress = 1UL << 57; // No machine has more bits of addresses.

    private readonly Dictionary<ulong, short> _devices = [];
    private long? _start;

    /// <summary>Records given on.</summary>
    public long Records { get; private set; }

    /// <summary>The trace's time of one of the file's.</summary>
    /// <param name="nanoseconds">The file's.</param>
    /// <returns>Nanoseconds since the first that was asked for.</returns>
    public long TimeOf(long nanoseconds) => unchecked(nanoseconds - (_start ??= nanoseconds));

    /// <summary>The trace's number of a device.</summary>
    /// <param name="identifier">What the file calls it.</param>
    /// <returns>Its number, from 0 in the order of appearance.</returns>
    public short DeviceOf(ulong identifier)
    {
        if (_devices.TryGetValue(identifier, out short number))
            return number;
        if (_devices.Count == 256)
            throw new ImportLineException("at most 256 devices", $"one more, {identifier:x}");
        _devices.Add(identifier, number = (short)_devices.Count);
        return number;
    }

    /// <summary>An interval that can be one.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <returns>The interval.</returns>
    public static AddressRange Interval(ulong start, ulong bytes) => start <= MostAddress && bytes <= MostAddress - start
        ? AddressRange.OfBytes(new VirtualAddress(start), (long)bytes)
        : throw new ImportLineException("addresses below 2^57", $"0x{start:x} and 0x{bytes:x} bytes");

    /// <summary>An interval of pages that can be one.</summary>
    /// <param name="firstPage">The number of the first page of 4 KiB.</param>
    /// <param name="pages">How many.</param>
    /// <returns>The interval.</returns>
    public static AddressRange Pages(ulong firstPage, ulong pages) => firstPage <= MostAddress >> PageSize.Shift && pages <= MostAddress >> PageSize.Shift
        ? Interval(firstPage << PageSize.Shift, pages << PageSize.Shift)
        : throw new ImportLineException("pages of addresses below 2^57", $"page 0x{firstPage:x} and 0x{pages:x} pages");

    /// <summary>Gives an access on.</summary>
    /// <param name="access">The access.</param>
    public void Access(in TraceAccess access)
    {
        if (access.Bytes < 1)
            throw new ImportLineException("an access of at least one byte", $"{access.Bytes}");
        sink.Access(access);
        Records++;
    }

    /// <summary>Gives a kernel on.</summary>
    /// <param name="kernel">The kernel; a name that is too long is cut.</param>
    public void Kernel(in TraceKernel kernel)
    {
        sink.Kernel(kernel with { Name = Cut(kernel.Name) });
        Records++;
    }

    /// <summary>Gives a mapping on.</summary>
    /// <param name="mapping">The mapping; a name that is too long is cut.</param>
    public void Mapping(in TraceMapping mapping)
    {
        sink.Mapping(mapping with { Name = Cut(mapping.Name) });
        Records++;
    }

    /// <summary>Gives a bind on.</summary>
    /// <param name="bind">The bind.</param>
    public void Bind(in TraceBind bind)
    {
        sink.Bind(bind);
        Records++;
    }

    /// <summary>Gives an event on.</summary>
    /// <param name="one">The event; with a duration that is not negative.</param>
    public void Event(in SvmEvent one)
    {
        sink.Event(one with { Duration = Math.Max(0, one.Duration) });
        Records++;
    }

    /// <summary>A name as traces take it.</summary>
    /// <param name="name">The name.</param>
    /// <returns>At most 1000 characters of it.</returns>
    private static string Cut(string name) => name.Length <= 1000 ? name : name[..1000];
}
