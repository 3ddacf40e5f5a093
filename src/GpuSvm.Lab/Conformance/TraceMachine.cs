// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Conformance;

/// <summary>
/// The machine on which traces are replayed: simulated memory watched from inside the kernel, one mapping of 64 pages at the start of a reserved area of 4 MiB, and two mirror
/// devices. It does steps and answers in the kernel's terms: errno, signals, hashes.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class TraceMachine : ITraceMachine
{
    private const int SegmentationFault = 11;
    private const int DeviceFrames = 256; // Far more than can ever hold a page at once: one mapping has 64.
    private const int HostFrames = 512;
    private const int AwayPages = 512; // Where a remap takes pages, counted from the area's start.
    private const int AreaPages = 1024;
    private const byte Untouched = 0x11; // What the buffer of to_dev holds before.

    private static readonly VirtualAddress _start = new(0x2000_0000_0000);

    private readonly MirrorDevice[] _devices;

    /// <summary>Sets everything up.</summary>
    public TraceMachine()
    {
        Memory = new SimulatedHostMemory(new SimulatedHostOptions
        {
            Watcher = HostWatcher.Kernel,
            Frames = HostFrames,
            Capabilities = SimulatedHostOptions.AllCapabilities & ~HostMemoryCapabilities.HugePages,
        });
        Host = new HostAddressSpace(Memory);
        var staging = new SimulatedStagingAccess(Memory);
        _devices = [new MirrorDevice(Host, staging, 1, DeviceFrames), new MirrorDevice(Host, staging, 2, DeviceFrames)];
        Must(Memory.Map(_start, (long)AreaPages << PageSize.Shift, HostProtection.None));
        Must(Memory.Map(_start, (long)Trace.AreaPages << PageSize.Shift));
        Must(Memory.RefuseHugePages(Pages(0, Trace.AreaPages)));
    }

    /// <summary>The memory beneath.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The devices, d0 and d1.</summary>
    public IReadOnlyList<MirrorDevice> Devices => _devices;

    /// <summary>The addresses of some pages of the area.</summary>
    /// <param name="first">The first, counted from the area's start.</param>
    /// <param name="pages">How many.</param>
    /// <returns>The interval.</returns>
    public static AddressRange Pages(int first, int pages) => AddressRange.OfPages(_start + ((long)first << PageSize.Shift), pages);

    /// <inheritdoc/>
    public TraceAnswer Do(TraceStep step)
    {
        AddressRange pages = Pages(step.Page, step.Pages);
        MirrorDevice device = _devices[step.Device];
        return step.Operation switch
        {
            TraceOperation.CpuWrite => CpuWrite(pages, step.Value),
            TraceOperation.CpuRead => CpuRead(pages),
            TraceOperation.DeviceRead => DeviceRead(device, pages),
            TraceOperation.DeviceWrite => DeviceWrite(device, pages, step.Value),
            TraceOperation.ToDevice => ToDevice(device, pages),
            TraceOperation.ToSystem => ToSystem(device, pages),
            TraceOperation.Snapshot => Snapshot(device, pages),
            TraceOperation.MapFresh => MapFresh(pages),
            TraceOperation.DontNeed => new TraceAnswer(Memory.DontNeed(pages) is var status && status == SvmStatus.NotMapped ? -Errno.NoMemory : Errno.Of(status)),
            TraceOperation.Protect => Protect(pages, step.Value),
            TraceOperation.Remap => Remap(pages),
            _ => new TraceAnswer(Errno.Of(Memory.Unmap(pages))),
        };
    }

    /// <inheritdoc/>
    /// <remarks>The reading brings everything home.</remarks>
    public uint FinalHash()
    {
        uint hash = 0;
        byte[] bytes = new byte[PageSize.Bytes];
        for (int page = 0; page < Trace.AreaPages; page++)
        {
            bool isRead = Memory.CpuRead(Pages(page, 1).Start, bytes).IsDone();
            hash = (hash * 31) + (isRead ? Fnv.Hash(bytes) : SegmentationFault);
        }

        return hash;
    }

    /// <inheritdoc/>
    public string Describe(int page)
    {
        AddressRange interval = Pages(page, 1);
        bool isMapped = Host.TryFindMapping(interval.Start, out HostMapping mapping) && mapping.Interval.Contains(interval.Start);
        string protection = !isMapped ? "hole" : mapping.IsWritable ? "rw" : mapping.IsReadable ? "r" : "none";
        var pages = new HostPage[1];
        var entries = new PageEntry[1];
        bool isPresent = Memory.Query(interval, pages).IsDone() && pages[0].IsPresent;
        Host.ReadEntries(interval, entries);
        string place = entries[0].IsDevice ? $"on d{entries[0].Pagemap} {(entries[0].IsWritable ? "rw" : "r")}"
            : !isPresent ? "absent" : (pages[0].IsZero ? "zero " : "ram ") + (pages[0].IsWritable ? "rw" : "r");
        IEnumerable<string> tables = _devices.Select((device, i) => $"d{i}: {device.EntryOf(interval.Start)?.ToString() ?? "-"}");
        return $"{protection}, {place}; {string.Join(", ", tables)}";
    }

    /// <summary>Ends the machine.</summary>
    public void Dispose()
    {
        foreach (MirrorDevice device in _devices)
            device.Dispose();
        Host.Dispose();
    }

    /// <summary>Stores a number at the start of each page.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="value">The first number; the next is one more.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer CpuWrite(AddressRange pages, int value)
    {
        for (int page = 0; page < (int)pages.Pages; page++)
        {
            int number = value + page;
            if (!Memory.CpuWrite(pages.Start + ((long)page << PageSize.Shift), MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref number))).IsDone())
                return new TraceAnswer(SegmentationFault);
        }

        return new TraceAnswer(0);
    }

    /// <summary>Loads the number at the start of each page.</summary>
    /// <param name="pages">The pages, at most <see cref="TraceReplay.MostPages"/>.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer CpuRead(AddressRange pages)
    {
        Span<byte> numbers = stackalloc byte[TraceReplay.MostPages * sizeof(int)];
        numbers.Clear();
        int result = 0;
        for (int page = 0; page < (int)pages.Pages && result == 0; page++)
        {
            if (!Memory.CpuRead(pages.Start + ((long)page << PageSize.Shift), numbers.Slice(page * sizeof(int), sizeof(int))).IsDone())
                result = SegmentationFault;
        }

        return new TraceAnswer(result, Hash: Fnv.Hash(numbers[..((int)pages.Pages * sizeof(int))]));
    }

    /// <summary>A device reads pages.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer DeviceRead(MirrorDevice device, AddressRange pages)
    {
        byte[] bytes = new byte[pages.Bytes];
        SvmStatus status = device.Read(pages, bytes, out MirrorProgress progress);
        return status.IsDone() ? new TraceAnswer(0, progress, Fnv.Hash(bytes)) : new TraceAnswer(Errno.Of(status));
    }

    /// <summary>A device writes pages.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The pages.</param>
    /// <param name="value">What the words count up from, tripled.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer DeviceWrite(MirrorDevice device, AddressRange pages, int value)
    {
        uint[] words = new uint[pages.Bytes / sizeof(uint)];
        for (int i = 0; i < words.Length; i++)
            words[i] = ((uint)value * 3) + (uint)i;
        SvmStatus status = device.Write(pages, MemoryMarshal.AsBytes(words.AsSpan()), out MirrorProgress progress);
        return status.IsDone() ? new TraceAnswer(0, progress) : new TraceAnswer(Errno.Of(status));
    }

    /// <summary>Pages move to a device, which then reads them through its table as it is.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer ToDevice(MirrorDevice device, AddressRange pages)
    {
        SvmStatus status = device.ToDevice(pages, out _);
        if (!status.IsDone())
            return new TraceAnswer(Errno.Of(status));
        byte[] bytes = new byte[pages.Bytes];
        Array.Fill(bytes, Untouched);
        int done = device.ReadMapped(pages, bytes);
        return done == pages.Pages ? new TraceAnswer(0, new MirrorProgress(done, 0), Fnv.Hash(bytes)) : new TraceAnswer(-Errno.NoEntry);
    }

    /// <summary>A device's pages move back.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer ToSystem(MirrorDevice device, AddressRange pages)
    {
        SvmStatus status = device.ToSystem(pages, out int moved);
        return status.IsDone() ? new TraceAnswer(0, new MirrorProgress(moved, 0)) : new TraceAnswer(Errno.Of(status));
    }

    /// <summary>What a device would see.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer Snapshot(MirrorDevice device, AddressRange pages)
    {
        byte[] seen = new byte[pages.Pages];
        SvmStatus status = device.Snapshot(pages, seen);
        return status.IsDone() ? new TraceAnswer(0, new MirrorProgress(seen.Length, 0), Snapshot: seen) : new TraceAnswer(Errno.Of(status));
    }

    /// <summary>Unmaps pages and maps fresh ones in their place.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer MapFresh(AddressRange pages)
    {
        SvmStatus status = Memory.Unmap(pages);
        return new TraceAnswer(Errno.Of(status.IsDone() ? Memory.Map(pages.Start, pages.Bytes) : status));
    }

    /// <summary>Changes what the program may do with pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="value">0 nothing, 1 read, 2 and 3 read and write.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer Protect(AddressRange pages, int value)
    {
        HostProtection protection = value == 0 ? HostProtection.None : value == 1 ? HostProtection.ReadOnly : HostProtection.ReadWrite;
        SvmStatus status = Memory.Protect(pages, protection);
        return new TraceAnswer(status == SvmStatus.NotMapped ? -Errno.NoMemory : Errno.Of(status));
    }

    /// <summary>Moves pages to the area's second half and back. What is left there is reserved again; where the first page is a hole, all are mapped fresh instead.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer Remap(AddressRange pages)
    {
        AddressRange away = AddressRange.OfPages(pages.Start + ((long)AwayPages << PageSize.Shift), pages.Pages);
        SvmStatus status = Memory.Remap(pages, away.Start);
        if (status.IsDone())
            status = Memory.Remap(away, pages.Start);
        Must(Memory.Map(away.Start, away.Bytes, HostProtection.None));
        if (!status.IsDone())
            Must(Memory.Map(pages.Start, pages.Bytes));
        return new TraceAnswer(Errno.Of(status));
    }

    /// <summary>Makes sure of what cannot fail.</summary>
    /// <param name="status">What came of it.</param>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    private static void Must(SvmStatus status)
    {
        if (!status.IsDone())
            throw new InvalidOperationException($"The machine of a trace cannot be set up: {status.Describe()}.");
    }
}
