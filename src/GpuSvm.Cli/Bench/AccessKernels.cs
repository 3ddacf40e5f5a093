// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Bench;

/// <summary>The access patterns as kernels: tiles of 16 KiB through the context's calls. Everything is on the device before a pattern runs.</summary>
internal sealed class AccessKernels
{
    /// <summary>Elements in a tile: 16 KiB, as in the workloads.</summary>
    private const int TileElements = 1024;

    /// <summary>Elements of a group: 16 tiles.</summary>
    private const int GroupElements = 16 * TileElements;

    /// <summary>Elements of each array.</summary>
    private readonly int _length;

    /// <summary>Written by the triad.</summary>
    private readonly SharedArray<double> _a;

    /// <summary>Read by all patterns.</summary>
    private readonly SharedArray<double> _b;

    /// <summary>Read by the triad.</summary>
    private readonly SharedArray<double> _c;

    /// <summary>Allocates and fills the arrays as the raw side has them, and brings them to the device.</summary>
    /// <param name="memory">Open memory whose device holds all three arrays.</param>
    /// <param name="raw">The same data in private memory.</param>
    /// <param name="length">Elements of each array.</param>
    public AccessKernels(SharedMemory memory, RawAccess raw, int length)
    {
        (Memory, Raw, _length) = (memory, raw, length);
        (_a, _b, _c) = (memory.Allocate<double>(length), memory.Allocate<double>(length), memory.Allocate<double>(length));
        raw.B.CopyTo(_b.Span);
        raw.C.CopyTo(_c.Span);
        memory.Prefetch(_a, MemoryLocation.Device);
        memory.Prefetch(_b, MemoryLocation.Device);
        memory.Prefetch(_c, MemoryLocation.Device);
    }

    /// <summary>The memory that the arrays lie in.</summary>
    public SharedMemory Memory { get; }

    /// <summary>The same patterns over private memory.</summary>
    public RawAccess Raw { get; }

    /// <summary>The arrays a, b and c.</summary>
    public (SharedArray<double> A, SharedArray<double> B, SharedArray<double> C) Arrays => (_a, _b, _c);

    /// <summary>What the groups summed up; added to with a lock, once a group.</summary>
    public double Total { get; set; }

    /// <summary>Runs a pattern over all groups.</summary>
    /// <param name="kernel">One of this object's patterns.</param>
    /// <returns>Seconds, from the start of the launch until it is known to have ended.</returns>
    public double Run(KernelBody kernel)
    {
        var start = Stopwatch.GetTimestamp();
        using var launch = Memory.Launch(kernel, (_length + GroupElements - 1) / GroupElements);
        launch.Wait();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>a = b + s * c.</summary>
    /// <param name="context">One group.</param>
    public void Triad(KernelContext context)
    {
        var (start, end) = Stretch(context);
        for (; start < end; start += TileElements)
        {
            var count = (int)Math.Min(TileElements, end - start);
            var left = UnitBuffer<double>.Get(0, count);
            var right = UnitBuffer<double>.Get(1, count);
            context.Read(_b, start, left);
            context.Read(_c, start, right);
            TriadWorkload.Combine(left, right);
            context.Write<double>(_a, start, left);
        }
    }

    /// <summary>The sum of b.</summary>
    /// <param name="context">One group.</param>
    public void Sum(KernelContext context)
    {
        var (start, end) = Stretch(context);
        var sum = 0.0;
        for (; start < end; start += TileElements)
        {
            var tile = UnitBuffer<double>.Get(0, (int)Math.Min(TileElements, end - start));
            context.Read(_b, start, tile);
            sum += RawAccess.SumOf(tile);
        }

        Add(sum);
    }

    /// <summary>The sum of b in random order.</summary>
    /// <param name="context">One group.</param>
    public void Gather(KernelContext context)
    {
        var (start, end) = Stretch(context);
        var sum = 0.0;
        for (; start < end; start += TileElements)
        {
            var tile = UnitBuffer<double>.Get(0, (int)Math.Min(TileElements, end - start));
            context.Gather(_b, Raw.Indices.AsSpan((int)start, tile.Length), tile);
            sum += RawAccess.SumOf(tile);
        }

        Add(sum);
    }

    /// <summary>The elements that a group works on.</summary>
    private (nint Start, nint End) Stretch(KernelContext context)
        => (context.GroupIndex * GroupElements, Math.Min(_length, (context.GroupIndex + 1) * GroupElements));

    /// <summary>Adds a group's sum to the total.</summary>
    private void Add(double sum)
    {
        lock (Raw)
            Total += sum;
    }
}
