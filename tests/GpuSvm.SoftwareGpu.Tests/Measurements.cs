// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>Figures of the software GPU beside their floors. Set GPUSVM_MEASURE=1 to run them, alone, in a Release build.</summary>
public sealed unsafe class Measurements(ITestOutputHelper output)
{
    private const long ArrayBytes = 64 << 20;
    private const ulong A = 0x4000_0000_0000, B = 0x4000_1000_0000, C = 0x4000_2000_0000;

    private static SvmStatus ServeHuge(TestGpu gpu, Core.Device.GpuFault fault) => gpu.BindFresh(fault.Address.AlignDown(PageOrder.Huge), PageOrder.Huge);

    private static delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> Kernel(string name) => (delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)NativeKernels.Find(name);

    private static void SkipUnlessAsked() => Assert.SkipUnless(Environment.GetEnvironmentVariable("GPUSVM_MEASURE") == "1", "needs GPUSVM_MEASURE=1: a measurement, not a check");

    /// <summary>The best of several launches, in nanoseconds.</summary>
    private static double Best(TestGpu gpu, string kernel, void* arguments, ulong groups = 1)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 40; i++)
            best = Math.Min(best, gpu.Run(Kernel(kernel), arguments, groups).ElapsedNanoseconds);
        return best;
    }

    [Fact]
    public void Accesses()
    {
        SkipUnlessAsked();
        using TestGpu gpu = new(units: 1, memoryBytes: 256 << 20, serve: ServeHuge);
        const ulong Times = 50_000; // Short, so that some run is not interrupted.
        ulong* read = stackalloc ulong[] { A, 8, Times, 0 };
        output.WriteLine($"read 8 bytes, TLB hit: {Best(gpu, "read_loop", read) / Times:F1} ns");
        ulong* read64 = stackalloc ulong[] { A, 4096, Times / 10, 4096 };
        output.WriteLine($"read 4 KiB, TLB hit: {Best(gpu, "read_loop", read64) / (Times / 10):F1} ns");
        output.WriteLine($"yield, a call that does nothing: {Best(gpu, "yield_loop", read) / Times:F1} ns");
        output.WriteLine($"open one window: {Best(gpu, "window_loop", read) / Times:F1} ns");
        const int Count = 1 << 16;
        long* indices = (long*)NativeMemory.Alloc(Count * sizeof(long));
        ulong* values = (ulong*)NativeMemory.AllocZeroed(Count, sizeof(ulong));
        ulong* gather = stackalloc ulong[] { A, (ulong)indices, Count, (ulong)values, 40, 0 };
        using SoftwareGpuMemory plain = new(ArrayBytes); // Huge pages too.
        ulong* raw = (ulong*)plain.BasePointer;
        NativeMemory.Clear(raw, (nuint)ArrayBytes);
        foreach ((string name, long reach) in ((string, long)[])[("random over 64 MiB", ArrayBytes / 8), ("random over 32 KiB", 4096), ("in order", 0)])
        {
            Random random = new(3);
            for (int i = 0; i < Count; i++)
                indices[i] = reach == 0 ? i : random.NextInt64(reach);
            gather[5] = ulong.MaxValue;
            gpu.Run(Kernel("gather_loop"), gather);
            double through = (double)gather[5] / Count;
            double floor = double.MaxValue;
            for (int round = 0; round < 40; round++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < Count; i++)
                    values[i] = raw[indices[i]];
                floor = Math.Min(floor, Stopwatch.GetElapsedTime(start).TotalNanoseconds / Count);
            }

            output.WriteLine($"gather 8 bytes {name}: {through:F2} ns an element; plain loop {floor:F2} ns");
        }

        NativeMemory.Free(indices);
        NativeMemory.Free(values);
    }

    [Theory]
    [InlineData(9, 1)]
    [InlineData(9, 2)]
    [InlineData(4, 1)]
    [InlineData(0, 1)]
    public void Triad(int order, int units)
    {
        SkipUnlessAsked();
        using TestGpu gpu = new(units, memoryBytes: 256 << 20, serve: (gpu, fault) => gpu.BindFresh(fault.Address.AlignDown(new PageOrder((byte)order)), new PageOrder((byte)order)));
        const ulong Count = ArrayBytes / 8;
        ulong* arguments = stackalloc ulong[] { A, B, C, Count, Count / 64 };
        double through = ArrayBytes * 3 / Best(gpu, "triad_windows", arguments, groups: 64);
        var raw = (delegate* unmanaged<double*, double*, double*, ulong, void>)NativeKernels.Find("triad_raw");
        var memory = (double*)gpu.Device.Memory.BasePointer; // The same huge pages.
        double best = double.MaxValue;
        for (int round = 0; round < 40; round++)
        {
            long start = Stopwatch.GetTimestamp();
            Parallel.For(0, units, new ParallelOptions { MaxDegreeOfParallelism = units }, part =>
            {
                ulong share = Count / (ulong)units;
                raw(memory + (ulong)part * share, memory + Count + (ulong)part * share, memory + 2 * Count + (ulong)part * share, share);
            });
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        output.WriteLine($"triad 64 MiB arrays, order {order}, {units} units: {through:F2} GB/s through windows, {ArrayBytes * 3 / best:F2} GB/s raw");
    }

    [Fact]
    public void Invalidation()
    {
        SkipUnlessAsked();
        using TestGpu gpu = new(units: 2, serve: ServeHuge);
        AddressRange page = AddressRange.OfPages(new VirtualAddress(B), 1);
        const int Times = 2_000;
        output.WriteLine($"InvalidateTlb, no unit running: {Time(gpu, page, Times):F0} ns");
        Assert.Equal(SvmStatus.Done, gpu.BindFresh(new VirtualAddress(A), PageOrder.Huge));
        ulong* read = stackalloc ulong[] { A, 0, 0 };
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)Kernel("read_until"), (nint)read, 2, out SoftwareGpuLaunch launch));
        while (Volatile.Read(ref read[2]) < 2)
            Thread.Yield();
        output.WriteLine($"InvalidateTlb, 2 units running: {Time(gpu, page, Times):F0} ns ({Environment.ProcessorCount} processors)");
        Volatile.Write(ref read[1], 1);
        launch.Wait();
    }

    [Fact]
    public void FaultRoundTrip()
    {
        SkipUnlessAsked();
        using TestGpu gpu = new(units: 1, memoryBytes: 64 << 20);
        ulong* read = stackalloc ulong[] { A, 8, 512, 4096 };
        double ns = double.MaxValue;
        for (int round = 0; round < 10; round++)
        {
            ns = Math.Min(ns, gpu.Run(Kernel("read_loop"), read).ElapsedNanoseconds / 512.0);
            read[0] += 2 << 20;
        }

        output.WriteLine($"fault, bind of a 4 KiB page, replay, by another thread: {ns:F0} ns");
    }

    private static double Time(TestGpu gpu, AddressRange page, int times)
    {
        double best = double.MaxValue;
        for (int round = 0; round < 40; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++)
                gpu.Table.InvalidateTlb(page);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / times);
        }

        return best;
    }
}
