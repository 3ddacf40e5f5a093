// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// An array is brought to the device by one call of prefetch. The floor is to bring it there by a kernel's faults: a load from each chunk, from the
/// launch until its end.
/// </summary>
internal sealed class PrefetchBenchmark : IBenchmark
{
    /// <summary>The share of the faults' time that prefetch may take for 2 MiB in chunks of 64 KiB.</summary>
    private const double Goal = 0.5;

    /// <inheritdoc/>
    public string Title => "Prefetch beside faults";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        foreach (var bytes in (int[])[2 << 20, 64 << 20])
        {
            foreach (var chunkBytes in (int[])[64 << 10, 2 << 20])
            {
                var name = $"{ByteSize.Format(bytes)} in chunks of {ByteSize.Format(chunkBytes)}";
                progress.Stage($"prefetch beside faults, {name}");
                var (prefetch, faults, note) = Times(bytes, chunkBytes, settings.Quick ? 5 : 21);
                double? goal = (bytes, chunkBytes) == (2 << 20, 64 << 10) ? Goal : null;
                yield return BenchRow.Latency(Title, name, "us", prefetch, faults, "a kernel's faults", goal, note);
            }
        }
    }

    /// <summary>Microseconds by prefetch and by faults, in turns, or null with the reason.</summary>
    private static ((double, double)? Prefetch, (double, double)? Faults, string Note) Times(int bytes, int chunkBytes, int rounds)
    {
        try
        {
            using var memory = SharedMemory.Create(new SharedMemoryOptions
            {
                DeviceMemoryBytes = bytes + (16L << 20),
                LargestChunkBytes = chunkBytes,
                ComputeUnits = 1,
            });
            var array = memory.Allocate<byte>(bytes);
            array.Span.Fill(3);
            long sum = 0;
            KernelBody body = context =>
            {
                for (nint start = 0; start < bytes; start += chunkBytes)
                    sum += context.Load(array, start);
            };
            var (prefetch, faults) = (new Samples(), new Samples());
            for (var round = -2; round < rounds; round++)
            {
                memory.Prefetch(array, MemoryLocation.System);
                var moved = memory.Statistics.BytesToDevice;
                var start = Stopwatch.GetTimestamp();
                memory.Prefetch(array, MemoryLocation.Device);
                var byPrefetch = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                memory.Prefetch(array, MemoryLocation.System);
                start = Stopwatch.GetTimestamp();
                using (var launch = memory.Launch(body, 1))
                    launch.Wait();
                var byFaults = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                if (memory.Statistics.BytesToDevice - moved != 2L * bytes)
                    return (null, null, $"not measured: {ByteSize.Format((nint)(memory.Statistics.BytesToDevice - moved))} of {ByteSize.Format(2L * bytes)} moved");
                if (round < 0)
                    continue;
                prefetch.Add(byPrefetch);
                faults.Add(byFaults);
            }

            return sum == 3L * (rounds + 2) * (bytes / chunkBytes)
                ? (prefetch.Summary(1), faults.Summary(1), "")
                : (null, null, "WRONG DATA: a byte that the kernel read did not hold what was written");
        }
        catch (SharedMemoryException e)
        {
            return (null, null, "not measured: " + e.Message);
        }
    }
}
