// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Lab.Conformance;
using Progress = GpuSvm.SoftwareGpu.Mirror.MirrorProgress;

namespace GpuSvm.Cli.Conformance;

/// <summary>
/// A machine of real memory for traces: a mapping of this process, attached to shared memory, and two mirrors of the library. The CPU's accesses go by way of the kernel, which answers EFAULT where an instruction
/// would raise a signal.
/// </summary>
/// <remarks>Not thread-safe. Where the program of a trace maps anew, the new mapping is attached, for only what is attached is shared.</remarks>
internal sealed class RealTraceMachine : ITraceMachine
{
    private const int PageBytes = 4096;
    private const int SegmentationFault = 11;
    private const long MirrorBytes = 256 * PageBytes; // Far more than can ever hold a page at once.
    private const int AwayPages = 512;                // Where a remap takes pages, counted from the area's start.
    private const int AreaPages = 1024;
    private const byte Untouched = 0x11;              // What the buffer of to_dev holds before.

    private readonly SharedMemory _memory;
    private readonly MirrorDevice[] _devices;
    private readonly nint _start;

    /// <summary>Sets everything up.</summary>
    /// <exception cref="SharedMemoryException">There is no real memory here.</exception>
    public RealTraceMachine()
    {
        _memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real, DeviceMemoryBytes = MirrorBytes, CapacityBytes = MirrorBytes, ComputeUnits = 1, FirstTouchBytes = PageBytes });
        _devices = [_memory.CreateMirror(MirrorBytes), _memory.CreateMirror(MirrorBytes)];
        _start = ProgramMapping.Reserve(AreaPages * PageBytes);
        MapFresh(_start, Trace.AreaPages * PageBytes);
    }

    /// <inheritdoc/>
    public TraceAnswer Do(TraceStep step)
    {
        nint pages = AddressOf(step.Page);
        int bytes = step.Pages * PageBytes;
        MirrorDevice device = _devices[step.Device];
        return step.Operation switch
        {
            TraceOperation.CpuWrite => CpuWrite(pages, step.Pages, step.Value),
            TraceOperation.CpuRead => CpuRead(pages, step.Pages),
            TraceOperation.DeviceRead => Try(() => DeviceRead(device, pages, bytes)),
            TraceOperation.DeviceWrite => Try(() => DeviceWrite(device, pages, bytes, step.Value)),
            TraceOperation.ToDevice => Try(() => ToDevice(device, pages, bytes)),
            TraceOperation.ToSystem => Try(() => new TraceAnswer(0, new Progress(device.Migrate(pages, bytes, MemoryLocation.System), 0))),
            TraceOperation.Snapshot => Try(() => new TraceAnswer(0, new Progress(step.Pages, 0), Snapshot: device.Snapshot(pages, bytes))),
            TraceOperation.MapFresh => UnmapAndMap(pages, bytes),
            TraceOperation.DontNeed => new TraceAnswer(-ProgramMapping.DontNeed(pages, bytes)),
            TraceOperation.Protect => new TraceAnswer(-ProgramMapping.Protect(pages, bytes, step.Value)),
            TraceOperation.Remap => Remap(pages, bytes),
            _ => new TraceAnswer(-ProgramMapping.Unmap(pages, bytes)),
        };
    }

    /// <inheritdoc/>
    public uint FinalHash()
    {
        uint hash = 0;
        byte[] bytes = new byte[PageBytes];
        for (int page = 0; page < Trace.AreaPages; page++)
            hash = (hash * 31) + (ProgramMapping.TryRead(AddressOf(page), bytes) ? Fnv.Hash(bytes) : SegmentationFault);
        return hash;
    }

    /// <inheritdoc/>
    public string Describe(int page)
    {
        nint address = AddressOf(page);
        PageRun run = _memory.Query(address, PageBytes)[0];
        IEnumerable<string> seen = _devices.Select((device, i) => $"d{i} sees {device.Snapshot(address, PageBytes)[0]:x2}, {(device.Peek(address, new byte[PageBytes]) == 1 ? "has an entry" : "has none")}");
        return $"{run.Place}{(run.IsWritable ? " rw" : "")}; {string.Join("; ", seen)}";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MirrorDevice device in _devices)
            device.Dispose();
        _memory.Dispose();
        _ = ProgramMapping.Unmap(_start, AreaPages * PageBytes);
    }

    /// <summary>Where a page of the area is.</summary>
    /// <param name="page">The page, counted from the area's start.</param>
    /// <returns>Its first byte.</returns>
    private nint AddressOf(int page) => _start + ((nint)page * PageBytes);

    /// <summary>Does a step of a device.</summary>
    /// <param name="step">The step.</param>
    /// <returns>The answer; of one that was refused, minus the errno.</returns>
    private static TraceAnswer Try(Func<TraceAnswer> step)
    {
        try
        {
            return step();
        }
        catch (SharedMemoryException refused)
        {
            return new TraceAnswer(Errno.Of((Core.SvmStatus)refused.Status));
        }
    }

    /// <summary>Stores a number at the start of each page.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="value">The first number; the next is one more.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer CpuWrite(nint address, int pages, int value)
    {
        for (int page = 0; page < pages; page++)
        {
            if (!ProgramMapping.TryWrite(address + ((nint)page * PageBytes), BitConverter.GetBytes(value + page)))
                return new TraceAnswer(SegmentationFault);
        }

        return new TraceAnswer(0);
    }

    /// <summary>Loads the number at the start of each page.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="pages">How many.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer CpuRead(nint address, int pages)
    {
        byte[] numbers = new byte[pages * sizeof(int)];
        int result = 0;
        for (int page = 0; page < pages && result == 0; page++)
        {
            if (!ProgramMapping.TryRead(address + ((nint)page * PageBytes), numbers.AsSpan(page * sizeof(int), sizeof(int))))
                result = SegmentationFault;
        }

        return new TraceAnswer(result, Hash: Fnv.Hash(numbers));
    }

    /// <summary>A device reads pages.</summary>
    /// <param name="device">The device.</param>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer DeviceRead(MirrorDevice device, nint address, int bytes)
    {
        byte[] read = new byte[bytes];
        MirrorProgress progress = device.Read(address, read);
        return new TraceAnswer(0, ProgressOf(progress), Fnv.Hash(read));
    }

    /// <summary>A device writes pages.</summary>
    /// <param name="device">The device.</param>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <param name="value">What the words count up from, tripled.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer DeviceWrite(MirrorDevice device, nint address, int bytes, int value)
    {
        uint[] words = new uint[bytes / sizeof(uint)];
        for (int i = 0; i < words.Length; i++)
            words[i] = ((uint)value * 3) + (uint)i;
        return new TraceAnswer(0, ProgressOf(device.Write(address, MemoryMarshal.AsBytes(words.AsSpan()))));
    }

    /// <summary>Pages move to a device, which then reads them through its table as it is.</summary>
    /// <param name="device">The device.</param>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>The answer.</returns>
    private static TraceAnswer ToDevice(MirrorDevice device, nint address, int bytes)
    {
        device.Migrate(address, bytes, MemoryLocation.Device);
        byte[] read = new byte[bytes];
        Array.Fill(read, Untouched);
        int done = device.Peek(address, read);
        return done == bytes / PageBytes ? new TraceAnswer(0, new Progress(done, 0), Fnv.Hash(read)) : new TraceAnswer(-Errno.NoEntry);
    }

    /// <summary>A device's progress as traces have it.</summary>
    /// <param name="progress">As the package has it.</param>
    /// <returns>The same.</returns>
    private static Progress ProgressOf(MirrorProgress progress) => new((int)progress.Pages, (int)progress.Faults);

    /// <summary>Unmaps pages and maps fresh ones in their place.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer UnmapAndMap(nint address, int bytes)
    {
        int error = ProgramMapping.Unmap(address, bytes);
        if (error == 0)
            MapFresh(address, bytes);
        return new TraceAnswer(-error);
    }

    /// <summary>Maps fresh pages in the place of whatever is there, and shares them.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    private void MapFresh(nint address, int bytes)
    {
        ProgramMapping.MapAt(address, bytes);
        _memory.Attach(address, bytes);
    }

    /// <summary>Moves pages to the area's second half and back. What is left there is reserved again; where that fails, all are mapped fresh instead.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>The answer.</returns>
    private TraceAnswer Remap(nint address, int bytes)
    {
        nint away = address + (AwayPages * PageBytes);
        List<(nint Start, nint End)> holes = ProgramMapping.HolesIn(address, address + bytes);
        int error = ProgramMapping.Move(address, bytes, away);
        if (error == 0)
            error = ProgramMapping.Move(away, bytes, address);
        ProgramMapping.ReserveAt(away, bytes);
        if (error != 0)
            MapFresh(address, bytes);
        else
            holes.ForEach(hole => _memory.Attach(hole.Start, hole.End - hole.Start)); // What lay reserved in the second half has come back with the others.
        return new TraceAnswer(-error);
    }
}
