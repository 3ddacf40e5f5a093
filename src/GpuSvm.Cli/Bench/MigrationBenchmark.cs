// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Interop;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Migration bandwidth: an array is prefetched to the device and back, again and again. The floor is memcpy of as many bytes in pieces of the same
/// size
/// between two private buffers in huge pages, both touched before.
/// </summary>
internal sealed class MigrationBenchmark : IBenchmark
{
    /// <summary>The share of memcpy that 2 MiB chunks must reach.</summary>
    private const double LargeGoal = 0.85;

    /// <inheritdoc/>
    public string Title => "Migration bandwidth";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var bytes = settings.Quick ? 64L << 20 : 256L << 20;
        var rounds = settings.Quick ? 3 : 7;
        foreach (var chunkBytes in (int[])[64 << 10, 2 << 20])
        {
            progress.Stage($"migration of {ByteSize.Format(bytes)} in chunks of {ByteSize.Format(chunkBytes)}");
            var floor = Copy(bytes, chunkBytes, rounds);
            var (toDevice, toRam, note) = Migrate(bytes, chunkBytes, rounds);
            double? goal = chunkBytes == 2 << 20 ? LargeGoal : null;
            var size = ByteSize.Format(chunkBytes);
            yield return BenchRow.Rate(Title, $"to the device, {size}", toDevice, floor, "memcpy", goal, note);
            yield return BenchRow.Rate(Title, $"to RAM, {size}", toRam, floor, "memcpy", goal, note);
        }
    }

    /// <summary>Medians of the rates both ways, or null with the reason.</summary>
    private static (double? ToDevice, double? ToRam, string Note) Migrate(long bytes, int chunkBytes, int rounds)
    {
        try
        {
            using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = bytes + (64L << 20), LargestChunkBytes = chunkBytes });
            var array = memory.Allocate<long>((nint)(bytes / sizeof(long)));
            for (nint index = 0; index < array.Length; index++)
                array[index] = index;
            var (toDevice, toRam) = (new Samples(), new Samples());
            nint moved = 0;
            for (var round = 0; round <= rounds; round++)
            {
                var there = Time(() => moved += memory.Prefetch(array, MemoryLocation.Device));
                var back = Time(() => moved += memory.Prefetch(array, MemoryLocation.System));
                if (round == 0)
                    continue;
                toDevice.Add(bytes / there / 1e9);
                toRam.Add(bytes / back / 1e9);
            }

            for (nint index = 0; index < array.Length; index += 512)
            {
                if (array[index] != index)
                    return (null, null, $"WRONG DATA: element {index} is {array[index]} after {rounds + 1} migrations each way");
            }

            var expected = 2 * bytes * (rounds + 1);
            return moved == expected ? (toDevice.Median, toRam.Median, "") : (null, null, $"only {ByteSize.Format(moved)} of {ByteSize.Format(expected)} moved");
        }
        catch (SharedMemoryException e)
        {
            return (null, null, "not measured: " + e.Message);
        }
    }

    /// <summary>The median rate of memcpy in pieces.</summary>
    private static double Copy(long bytes, int chunkBytes, int rounds)
    {
        using var source = new PrivateBuffer(bytes);
        using var target = new PrivateBuffer(bytes);
        var samples = new Samples();
        for (var round = 0; round < rounds; round++)
        {
            var seconds = Time(() =>
            {
                for (long start = 0; start < bytes; start += chunkBytes)
                    Libc.memcpy(target.Address + (nint)start, source.Address + (nint)start, (nuint)chunkBytes);
            });
            samples.Add(bytes / seconds / 1e9);
        }

        return samples.Median;
    }

    /// <summary>Seconds that some work takes.</summary>
    private static double Time(Action work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
