// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>A program as a workload writes it down: arrays, CPU loops, kernels. Everything goes to a sink at once.</summary>
/// <param name="sink">Who gets the records.</param>
public sealed class ProgramTrace(ITraceSink sink)
{
    /// <summary>What a group of 32 lanes with neighbouring numbers of 4 bytes reads at once.</summary>
    public const int LineBytes = 128;

    /// <summary>The least that memory is read by, where the lanes of a group are not neighbours.</summary>
    public const int SectorBytes = 32;

    private const ulong FirstAddress = 0x2000_0000_0000;

    private readonly List<WorkloadArray> _arrays = [];
    private ulong _next = FirstAddress;
    private long _kernels;
    private string _kernel = "";

    /// <summary>Allocates an array.</summary>
    /// <param name="name">What the program calls it.</param>
    /// <param name="bytes">How long it is, at least 1.</param>
    /// <param name="fill">Whether a CPU thread fills it.</param>
    /// <returns>The array.</returns>
    public WorkloadArray Allocate(string name, long bytes, bool fill = true)
    {
        var array = new WorkloadArray(new VirtualAddress(_next), bytes, name);
        _next = (array.Interval.End + PageSize.HugeBytes).AlignDown(PageOrder.Huge).Value;
        _arrays.Add(array);
        sink.Mapping(new TraceMapping(array.Interval, false, name));
        if (fill)
            ByCpu(array, MemoryAccess.Write);
        return array;
    }

    /// <summary>A CPU thread goes through an array in order.</summary>
    /// <param name="array">The array.</param>
    /// <param name="kind">Reading or writing.</param>
    public void ByCpu(WorkloadArray array, MemoryAccess kind)
    {
        for (long at = 0; at < array.Bytes; at += PageSize.Bytes)
            sink.Access(new TraceAccess(array.Start + at, (int)Math.Min(PageSize.Bytes, array.Bytes - at), kind, TraceAgent.Cpu()));
    }

    /// <summary>A CPU thread reads or writes a few bytes.</summary>
    /// <param name="array">The array.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="kind">Reading or writing.</param>
    public void ByCpu(WorkloadArray array, long offset, int bytes, MemoryAccess kind) => sink.Access(new TraceAccess(array.Start + offset, bytes, kind, TraceAgent.Cpu()));

    /// <summary>A kernel begins.</summary>
    /// <param name="name">What the program calls it.</param>
    public void BeginKernel(string name)
    {
        _kernel = name;
        sink.Kernel(new TraceKernel(_kernels, 0, false, name));
    }

    /// <summary>It ends, and the CPU waits for it.</summary>
    public void EndKernel() => sink.Kernel(new TraceKernel(_kernels++, 0, true, _kernel));

    /// <summary>Lanes read.</summary>
    /// <param name="array">What.</param>
    /// <param name="offset">From which byte.</param>
    /// <param name="bytes">How many; what lies beyond the array is left out.</param>
    public void Read(WorkloadArray array, long offset, long bytes = LineBytes) => Access(array, offset, bytes, MemoryAccess.Read);

    /// <summary>Lanes write.</summary>
    /// <param name="array">What.</param>
    /// <param name="offset">From which byte.</param>
    /// <param name="bytes">How many; what lies beyond the array is left out.</param>
    public void Write(WorkloadArray array, long offset, long bytes = LineBytes) => Access(array, offset, bytes, MemoryAccess.Write);

    /// <summary>A lane reads and writes in one step.</summary>
    /// <param name="array">What.</param>
    /// <param name="offset">From which byte.</param>
    /// <param name="bytes">How many.</param>
    public void Atomic(WorkloadArray array, long offset, int bytes) => Access(array, offset, bytes, MemoryAccess.Atomic);

    /// <summary>Frees all arrays.</summary>
    public void Free()
    {
        foreach (WorkloadArray array in _arrays)
            sink.Mapping(new TraceMapping(array.Interval, true, array.Name));
        _arrays.Clear();
    }

    /// <summary>Gives an access of the device, cut at both ends of the array.</summary>
    /// <param name="array">What.</param>
    /// <param name="offset">From which byte; may lie before the array.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="kind">What is done.</param>
    private void Access(WorkloadArray array, long offset, long bytes, MemoryAccess kind)
    {
        long end = Math.Min(offset + bytes, array.Bytes);
        offset = Math.Max(offset, 0);
        if (end > offset)
            sink.Access(new TraceAccess(array.Start + offset, (int)(end - offset), kind, TraceAgent.Device()));
    }
}
