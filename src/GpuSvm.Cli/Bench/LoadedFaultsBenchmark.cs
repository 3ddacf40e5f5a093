// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Faults while both sides want the same memory: a kernel adds to elements all over an array that the device cannot hold, and a CPU thread adds to others. What a CPU thread waits is timed at the touch, what a
/// GPU fault takes is read from the library's histogram. As many of the slowest touches count as the library has served faults meanwhile. The floor is the CPU thread with no kernel running, in pages that rest on the device.
/// </summary>
internal sealed class LoadedFaultsBenchmark : IBenchmark
{
    /// <summary>Bytes of the array: four times the device.</summary>
    private const int ArrayBytes = 32 << 20;

    /// <summary>Bytes of device memory.</summary>
    private const int DeviceBytes = 8 << 20;

    /// <summary>Bytes that move at once.</summary>
    private const int ChunkBytes = 64 << 10;

    /// <inheritdoc/>
    public string Title => "Faults under load from both sides";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        const string cpu = "CPU touch that faulted, 64 KiB chunks";
        const string floorName = "no kernel running";
        progress.Stage("faults under load from both sides");
        if (settings.Memory != MemoryKind.Real)
            return [BenchRow.Latency(Title, cpu, "us", null, null, floorName, null, "not measured: needs real memory")];
        placement.Add("faults under load: one CPU thread and a unit a processor, not pinned");
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real, DeviceMemoryBytes = DeviceBytes, LargestChunkBytes = ChunkBytes });
        using var array = memory.Allocate<long>(ArrayBytes / sizeof(long));
        array.Span.Clear();
        var seconds = settings.Quick ? 0.5 : 3;
        var (alone, loaded) = (new Samples(), new Samples());
        var written = 0L;
        memory.Prefetch(array, MemoryLocation.Device);
        written += Touch(memory, array, new SplitMix(ulong.MaxValue), seconds, () => memory.Prefetch(array, MemoryLocation.Device), alone);
        var launched = 0;
        using var stop = new CancellationTokenSource();
        var kernels = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                var seed = ++launched;
                using var launch = memory.Launch(context => AddSome(context, array, seed), Groups);
                launch.Wait();
            }
        });
        kernels.Start();
        written += Touch(memory, array, new SplitMix(ulong.MaxValue - 1), seconds, null, loaded);
        stop.Cancel();
        kernels.Join();
        var gpu = memory.Histogram(HistogramKind.GpuFault);
        var sum = 0L;
        foreach (var value in array.Span)
            sum += value;
        var note = sum == written + ((long)launched * Groups * Additions) ? "" : $"WRONG DATA: the additions come to {written + ((long)launched * Groups * Additions)}, the array holds {sum}";
        return
        [
            BenchRow.Latency(Title, cpu, "us", loaded.Summary(1), alone.Summary(1), floorName, null, note.Length > 0 ? note : $"p99.9 {loaded.Percentile(0.999):N0} us beside {alone.Percentile(0.999):N0}; {loaded.Count:N0} faults"),
            BenchRow.Latency(Title, "GPU fault service", "us", (gpu.P50 * 1e-3, gpu.P99 * 1e-3), null, "", null, $"of the library's histogram, right within a factor of two; {gpu.Count:N0} faults, p99.9 {Percentile(gpu, 0.999) * 1e-3:N0} us"),
        ];
    }

    /// <summary>Groups of a launch.</summary>
    private static int Groups => 4 * Environment.ProcessorCount;

    /// <summary>Additions of a group.</summary>
    private const int Additions = 64;

    /// <summary>Adds to odd elements all over the array; CPU threads have the even ones.</summary>
    private static void AddSome(KernelContext context, SharedArray<long> array, int seed)
    {
        var random = new SplitMix((ulong)seed);
        for (var addition = 0; addition < Additions; addition++)
            _ = context.AtomicAdd(array, ((nint)random.Below((ulong)((context.GroupIndex * Additions) + addition), array.Length / 2) * 2) + 1, 1);
    }

    /// <summary>Adds to even elements all over the array for some time, and takes down how long each touch that faulted took.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="array">The array.</param>
    /// <param name="random">Where to touch.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="refill">Called after each 256 touches, to have something to fault on; null if others see to that.</param>
    /// <param name="samples">Gets microseconds.</param>
    /// <returns>Additions.</returns>
    private static long Touch(SharedMemory memory, SharedArray<long> array, SplitMix random, double seconds, Action? refill, Samples samples)
    {
        var clock = Stopwatch.StartNew();
        var times = new List<double>();
        var before = memory.Statistics.CpuFaults;
        long written = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (written % 256 == 255)
                refill?.Invoke();
            ref var element = ref array[(nint)random.Below((ulong)written, array.Length / 2) * 2];
            var start = Stopwatch.GetTimestamp();
            Interlocked.Increment(ref element);
            var elapsed = Stopwatch.GetElapsedTime(start);
            written++;
            times.Add(elapsed.TotalMicroseconds);
        }

        var faults = (int)Math.Min(times.Count, memory.Statistics.CpuFaults - before);
        times.Sort();
        foreach (var time in times.TakeLast(faults))
            samples.Add(time);
        return written;
    }

    /// <summary>The upper end of the bucket in which a share of all values ends.</summary>
    private static double Percentile(SvmHistogram histogram, double share)
    {
        var left = (long)Math.Ceiling(histogram.Count * share);
        for (var bucket = 0; bucket < histogram.Buckets.Count; bucket++)
        {
            left -= histogram.Buckets[bucket];
            if (left <= 0)
                return Math.Min(Math.Pow(2, bucket), histogram.Max);
        }

        return histogram.Max;
    }
}
