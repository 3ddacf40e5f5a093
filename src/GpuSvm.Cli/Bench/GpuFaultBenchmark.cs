// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Interop;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// GPU fault service without migration: pages stay in RAM and are mapped for the device on its first touch. One unit touches one byte of each chunk;
/// a
/// second launch does the same without faults, and the difference by the number of faults is what a fault costs the kernel. The floor is what no
/// service
/// on another thread can avoid: a hand-over to it and back, through eventfds.
/// </summary>
internal sealed class GpuFaultBenchmark : IBenchmark
{
    /// <inheritdoc/>
    public string Title => "GPU fault without migration";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        progress.Stage("hand-over between two threads");
        var floor = CpuPlacement.OnOwnThread(() =>
        {
            // On one CPU, where it is cheapest: across virtual CPUs a wake-up would flatter us.
            CpuPlacement.Pin(settings.HandlerCpu);
            return HandOver(settings.Quick ? 2000 : 10000);
        }).Summary(1e-3);
        foreach (var (chunkBytes, chunks) in ((int, int)[])[(4 << 10, settings.Quick ? 4096 : 16384), (2 << 20, settings.Quick ? 32 : 128)])
        {
            progress.Stage($"GPU faults without migration, {ByteSize.Format(chunkBytes)}");
            _ = Fault(chunkBytes, chunks, observed: false); // Warm: the rows below are compared with each other.
            var (kernel, service, note) = Fault(chunkBytes, chunks, observed: false);
            var size = ByteSize.Format(chunkBytes);
            yield return BenchRow.Latency(Title, $"{size}, as the kernel sees it", "us", kernel, floor, "hand-over to a thread and back on one CPU", null, note);
            yield return BenchRow.Latency(
                Title, $"{size}, service alone", "us", service, null, "", null, note.Length > 0 ? note : "part of the row above; no floor of its own");
            var (recorded, _, problem) = Fault(chunkBytes, chunks, observed: true);
            yield return BenchRow.Latency(
                Title, $"{size}, as the kernel sees it, events recorded", "us", recorded, null, "", null, problem.Length > 0 ? problem : "the first row with a stream of events open");
        }
    }

    /// <summary>
    /// What a fault costs the kernel and the service, each as mean over all faults and with no percentile (written as the mean again).
    /// </summary>
    /// <param name="chunkBytes">Bytes of a chunk.</param>
    /// <param name="chunks">How many.</param>
    /// <param name="observed">Whether a stream of events is open meanwhile, with room for all.</param>
    private static ((double, double)? Kernel, (double, double)? Service, string Note) Fault(int chunkBytes, int chunks, bool observed)
    {
        try
        {
            using var memory = SharedMemory.Create(new SharedMemoryOptions
            {
                DeviceMemoryBytes = 16 << 20,
                LargestChunkBytes = chunkBytes,
                ComputeUnits = 1,
                Migrate = false,
            });
            var array = memory.Allocate<byte>((nint)chunkBytes * chunks);
            array.Span.Fill(3);
            long sum = 0;
            KernelBody body = context =>
            {
                for (nint chunk = 0; chunk < chunks; chunk++)
                    sum += context.Load(array, chunk * chunkBytes);
            };
            using var events = observed ? memory.OpenEvents(1 << 18) : null;
            var before = memory.Statistics;
            var first = Run(memory, body);
            var after = memory.Statistics;
            var second = Run(memory, body);
            var faults = after.GpuFaults - before.GpuFaults;
            if (sum != 2L * 3 * chunks)
                return (null, null, "WRONG DATA: a byte that the kernel read did not hold what was written");
            if (events?.Dropped > 0)
                return (null, null, $"not measured: {events.Dropped} events were dropped");
            if (faults == 0)
                return (null, null, "not measured: no GPU faults without migration");
            if (after.BytesToDevice != before.BytesToDevice)
                return (null, null, "not measured: pages migrated although they must not");
            var kernel = (first - second).TotalMicroseconds / faults;
            var service = (after.FaultTime - before.FaultTime).TotalMicroseconds / faults;
            return ((kernel, kernel), (service, service), faults == chunks ? "" : $"{faults} faults for {chunks} chunks");
        }
        catch (SharedMemoryException e)
        {
            return (null, null, "not measured: " + e.Message);
        }
    }

    /// <summary>Runs one group of a kernel and tells how long the device took.</summary>
    private static TimeSpan Run(SharedMemory memory, KernelBody body)
    {
        using var launch = memory.Launch(body, 1);
        launch.Wait();
        return launch.Elapsed;
    }

    /// <summary>Nanoseconds of a hand-over to another thread and back.</summary>
    private static Samples HandOver(int rounds)
    {
        var there = Libc.eventfd(0, 0);
        var back = Libc.eventfd(0, 0);
        var partner = new Thread(() =>
        {
            ulong value = 0;
            for (var round = 0; round < rounds; round++)
            {
                _ = Libc.read(there, ref value, sizeof(ulong));
                _ = Libc.write(back, 1, sizeof(ulong));
            }
        });
        partner.Start();
        var samples = new Samples();
        ulong answer = 0;
        for (var round = 0; round < rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            _ = Libc.write(there, 1, sizeof(ulong));
            _ = Libc.read(back, ref answer, sizeof(ulong));
            samples.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        partner.Join();
        _ = Libc.close(there);
        _ = Libc.close(back);
        return samples;
    }
}
