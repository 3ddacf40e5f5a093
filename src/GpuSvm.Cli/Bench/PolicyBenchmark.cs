// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What the policies are worth. Eviction: a kernel reads a small array again and again and a large one once, on a device that holds the small one and a part of the other; the
/// floor is the order of faults, which sees no use of what is bound. Prefetch: an array read in order; the floor is no prefetch. Faults are counted, and seconds taken beside.
/// </summary>
internal sealed class PolicyBenchmark : IBenchmark
{
    /// <summary>What moves at once.</summary>
    private const int ChunkBytes = 64 << 10;

    /// <summary>The device's memory.</summary>
    private const int DeviceBytes = 4 << 20;

    /// <summary>The array that is read again and again: half of the device.</summary>
    private const int HotBytes = DeviceBytes / 2;

    /// <summary>The array that is read once in each round.</summary>
    private const int ColdBytes = 4 * DeviceBytes;

    /// <inheritdoc/>
    public string Title => "Policies";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var rounds = settings.Quick ? 1 : 3;
        progress.Stage("eviction policies");
        var faultOrder = Skewed(settings, EvictionPolicy.FaultOrder, rounds);
        foreach (var policy in (EvictionPolicy[])[EvictionPolicy.Unused, EvictionPolicy.Clock, EvictionPolicy.Fifo, EvictionPolicy.Random, EvictionPolicy.Tree])
        {
            var ours = Skewed(settings, policy, rounds);
            var isDefault = policy == EvictionPolicy.Unused;
            yield return Row($"skewed, evict {policy}", "faults", ours.Faults, faultOrder.Faults, "fault order", isDefault ? "2 MiB hot and 16 MiB cold on a device of 4 MiB" : "");
            yield return Row($"skewed, evict {policy}, time", "ms", ours.Milliseconds, faultOrder.Milliseconds, "fault order", "");
        }

        progress.Stage("prefetch policies");
        var none = InOrder(settings, PrefetchPolicy.None, rounds);
        foreach (var policy in (PrefetchPolicy[])[PrefetchPolicy.Sequential, PrefetchPolicy.Tree, PrefetchPolicy.Block])
        {
            var ours = InOrder(settings, policy, rounds);
            yield return Row($"in order, prefetch {policy}", "faults", ours.Faults, none.Faults, "no prefetch", policy == PrefetchPolicy.Tree ? "16 MiB in chunks of 64 KiB, all of it fits" : "");
            yield return Row($"in order, prefetch {policy}, time", "ms", ours.Milliseconds, none.Milliseconds, "no prefetch", "");
        }
    }

    /// <summary>A figure beside its floor.</summary>
    private BenchRow Row(string name, string unit, double ours, double floor, string floorName, string note)
        => BenchRow.Latency(Title, name, unit, (ours, ours), (floor, floor), floorName, null, note);

    /// <summary>Reads the hot array between pieces of the cold one.</summary>
    private static (double Faults, double Milliseconds) Skewed(BenchSettings settings, EvictionPolicy policy, int rounds)
    {
        using var memory = Open(settings, DeviceBytes, default, policy);
        using var hot = memory.Allocate<byte>(HotBytes);
        using var cold = memory.Allocate<byte>(ColdBytes);
        hot.Span.Fill(1);
        cold.Span.Fill(2);
        var before = memory.Statistics;
        var start = Stopwatch.GetTimestamp();
        using var launch = memory.Launch(
            context =>
            {
                Span<byte> piece = stackalloc byte[4096];
                for (nint at = 0; at < ColdBytes * rounds; at += ChunkBytes)
                {
                    context.Read(cold, at % ColdBytes, piece);
                    for (nint touched = 0; touched < HotBytes; touched += ChunkBytes)
                        context.Read(hot, touched, piece[..8]);
                }
            },
            1);
        launch.Wait();
        return (memory.Statistics.GpuFaults - before.GpuFaults, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Reads an array in order, on a device that holds it.</summary>
    private static (double Faults, double Milliseconds) InOrder(BenchSettings settings, PrefetchPolicy policy, int rounds)
    {
        var faults = 0L;
        var times = new Samples();
        for (var round = 0; round < rounds; round++)
        {
            using var memory = Open(settings, 2 * ColdBytes, policy, default);
            using var array = memory.Allocate<byte>(ColdBytes);
            array.Span.Fill(1);
            var start = Stopwatch.GetTimestamp();
            using var launch = memory.Launch(
                context =>
                {
                    Span<byte> piece = stackalloc byte[4096];
                    for (nint at = 0; at < ColdBytes; at += piece.Length)
                        context.Read(array, at, piece);
                },
                1);
            launch.Wait();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            faults = memory.Statistics.GpuFaults;
        }

        return (faults, times.Summary(1).Median);
    }

    /// <summary>Opens memory with a policy.</summary>
    private static SharedMemory Open(BenchSettings settings, int deviceBytes, PrefetchPolicy prefetch, EvictionPolicy eviction)
        => SharedMemory.Create(new SharedMemoryOptions
        {
            Memory = settings.Memory,
            DeviceMemoryBytes = deviceBytes,
            LargestChunkBytes = ChunkBytes,
            ComputeUnits = 1,
            Prefetch = prefetch,
            Eviction = eviction,
        });
}
