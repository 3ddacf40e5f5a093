// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Globalization;
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux.Tests;

/// <summary>
/// What faults and moves cost here, beside the bare C loop in the same run. Figures for reading, not for passing: run with GPUSVM_MEASURE=1.
/// </summary>
public sealed unsafe class FaultMeasurements(ITestOutputHelper output)
{
    private const int Rounds = 2000;

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(0, 0, false)]
    [InlineData(0, 1, true)]
    public void FaultRoundTripAgainstTheFloor(int faulter, int handler, bool events)
    {
        SkipUnlessAsked();
        string floor = NativeCompiler.Build("uffd_floor.c", "-O2 -pthread");
        Dictionary<long, string[]> floors = NativeCompiler.Run(floor, $"--pin-faulter {faulter} --pin-handler {handler} --rounds {Rounds}")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(parts => long.Parse(parts[0], CultureInfo.InvariantCulture));
        output.WriteLine($"faulter on CPU {faulter}, handler on CPU {handler}, events {(events ? "on: poll, gate, read" : "off: poll, read")}");
        foreach (byte order in new byte[] { 0, 4, 9 })
        {
            ulong[] times = MeasureFaults(new PageOrder(order), faulter, handler, events);
            double median = times[times.Length / 2] / 1000.0, bare = double.Parse(floors[new PageOrder(order).Bytes][1], CultureInfo.InvariantCulture) / 1000.0;
            output.WriteLine($"  {new PageOrder(order).Bytes,8} bytes: median {median:F1} us, p99 {times[times.Length * 99 / 100] / 1000.0:F1}; floor {bare:F1} us, p99 {double.Parse(floors[new PageOrder(order).Bytes][2], CultureInfo.InvariantCulture) / 1000.0:F1}; ratio {median / bare:F2}");
        }
    }

    [Fact]
    public void OperationsOneByOne()
    {
        SkipUnlessAsked();
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange all = client.Start(memory, PageOrder.Huge, 8L << 20);
        _ = Affinity.TryPin(0);
        try
        {
            foreach (byte order in new byte[] { 9, 4, 0 })
                MeasureOperations(memory, AddressRange.OfBytes(all.Start + ((order == 9 ? 0 : 2) << 20), new PageOrder(order).Bytes), new PageOrder(order));
            var page = AddressRange.OfPages(all.Start + (4 << 20), 1);
            Report("allocate and free 4 KiB", 1000, () =>
            {
                _ = memory.Allocate(1, out AddressRange one);
                _ = memory.Free(one);
            });
            Report("populate 4 KiB for write + discard", 1000, () =>
            {
                _ = memory.Populate(page, MemoryAccess.Write);
                _ = memory.Discard(page);
            });
            Report("discard 4 KiB (absent)", 1000, () => _ = memory.Discard(page));
        }
        finally
        {
            _ = Affinity.TryUnpin();
        }
    }

    /// <summary>Takes a block away and touches it, many times.</summary>
    private static ulong[] MeasureFaults(PageOrder order, int faulter, int handler, bool events)
    {
        using UserfaultHostMemory memory = RealMemory.Open(new UserfaultOptions { CapacityBytes = 64 << 20, ServiceCpu = handler, MappingEvents = events });
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, order, order.Bytes);
        Assert.Equal(SvmStatus.Done, memory.Populate(AddressRange.OfBytes(interval.Start, order.Bytes), MemoryAccess.Write));
        ulong[] times = new ulong[Rounds];
        var load = NativeProgram.TimedLoadFunction;
        var thread = new Thread(() =>
        {
            _ = Affinity.TryPin(faulter);
            for (int i = -200; i < Rounds; i++)
            {
                client.MoveAwayWhenHome(0);
                ulong time = load(interval.Start.Value);
                if (i >= 0)
                    times[i] = time;
            }
        });
        thread.Start();
        thread.Join();
        Array.Sort(times);
        return times;
    }

    /// <summary>Detach, attach, query and so on of one block.</summary>
    private void MeasureOperations(UserfaultHostMemory memory, AddressRange block, PageOrder order)
    {
        const int Times = 500;
        _ = memory.Populate(block, MemoryAccess.Write);
        var watch = new Stopwatch();
        var detach = new double[Times];
        var attach = new double[Times];
        var query = new double[Times];
        var pages = new HostPage[order.Pages];
        for (int i = 0; i < Times; i++)
        {
            watch.Restart();
            HostStaging slot = memory.AcquireStaging(block, forAttach: false)!;
            Assert.Equal(SvmStatus.Done, memory.Detach(block, slot));
            detach[i] = watch.Elapsed.TotalMicroseconds;
            watch.Restart();
            Assert.Equal(SvmStatus.Done, memory.Attach(block, slot, writable: true));
            memory.ReleaseStaging(slot);
            attach[i] = watch.Elapsed.TotalMicroseconds;
            watch.Restart();
            _ = memory.Query(block, pages);
            query[i] = watch.Elapsed.TotalMicroseconds;
        }

        output.WriteLine($"{order.Bytes,8} bytes: acquire + detach {Median(detach):F2} us, attach + release {Median(attach):F2} us, query {Median(query):F2} us");
        Report($"{order.Bytes,8} bytes: populate for write + discard", 200, () =>
        {
            _ = memory.Discard(block);
            _ = memory.Populate(block, MemoryAccess.Write);
        });
    }

    /// <summary>Prints the median of an action.</summary>
    private void Report(string what, int times, Action action)
    {
        var watch = new Stopwatch();
        var all = new double[times];
        for (int i = 0; i < times; i++)
        {
            watch.Restart();
            action();
            all[i] = watch.Elapsed.TotalMicroseconds;
        }

        output.WriteLine($"{what}: {Median(all):F2} us");
    }

    /// <summary>The middle value.</summary>
    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    /// <summary>Measuring takes the machine for itself, so it is done on request.</summary>
    private static void SkipUnlessAsked()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("GPUSVM_MEASURE") == "1", "measures only when asked: GPUSVM_MEASURE=1");
        RealMemory.SkipIfUnavailable();
    }
}
