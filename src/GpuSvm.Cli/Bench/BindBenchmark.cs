// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.CompilerServices;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// A GPU fault on 2 MiB that are in RAM already: find the range, get its pages, write the page table; then an event takes it away, and again. The
/// floor is
/// reading 512 entries one by one and writing as many. The pages lie in one piece, which makes one entry, or scattered, which makes 512; or scattered
/// behind an IOMMU, where they are packed into one: beside that the same without stands as a floor.
/// </summary>
internal sealed class BindBenchmark : IBenchmark
{
    /// <summary>Pages of the range.</summary>
    private const int Pages = PageSize.PagesPerHuge;

    /// <summary>Walks timed together.</summary>
    private const int Batch = 50;

    /// <summary>What the scattered pages without an IOMMU are called.</summary>
    private const string Unpacked = "scattered pages";

    /// <summary>The order in which scattered pages come to be.</summary>
    private const int Seed = 512;

    /// <inheritdoc/>
    public string Title => "Get and bind 2 MiB in RAM";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var rounds = settings.Quick ? 2_000 : 20_000;
        placement.Add($"get and bind: one thread, first on CPU {CpuPlacement.Current()}, not pinned");
        progress.Stage("walking 512 entries");
        var floor = Walk(rounds).Summary(1);
        (double Median, double P99) unpackedBind = default;
        (double Median, double P99) unpackedInvalidate = default;
        foreach (var (name, scattered, iommuBytes) in ((string, bool, long)[])[("one piece", false, 0), (Unpacked, true, 0), ("packed behind an IOMMU", true, 4 << 20)])
        {
            progress.Stage($"get and bind, {name}");
            var (bind, invalidate, bytes) = Bind(rounds, scattered, iommuBytes);
            yield return BenchRow.Latency(Title, $"fault, {name}", "ns", bind.Summary(1), floor, "512 entries read and written", null, "");
            yield return BenchRow.Latency(Title, $"invalidation, {name}", "ns", invalidate.Summary(1), floor, "512 entries read and written", null, "");
            yield return BenchRow.Latency(
                Title, $"allocated by a fault, {name}", "bytes", (bytes, bytes), null, "", null,
                bytes == 0 ? $"nothing, in {Format.Count(rounds)} faults once warm" : "WRONG: a warm fault must allocate nothing");
            if (iommuBytes != 0)
            {
                yield return BenchRow.Latency(Title, "fault, packed by unpacked", "ns", bind.Summary(1), unpackedBind, $"fault, {Unpacked}", null, "one entry instead of 512");
                yield return BenchRow.Latency(Title, "invalidation, packed by unpacked", "ns", invalidate.Summary(1), unpackedInvalidate, $"invalidation, {Unpacked}", null, "one entry instead of 512");
            }

            (unpackedBind, unpackedInvalidate) = (bind.Summary(1), invalidate.Summary(1));
        }
    }

    /// <summary>Nanoseconds of each fault and invalidation, and the bytes allocated for one of each.</summary>
    private static (Samples Bind, Samples Invalidate, double Bytes) Bind(int rounds, bool scattered, long iommuBytes)
    {
        using var machine = new SimulatedMachine(4 * Pages, Pages, PageOrder.Huge, iommuBytes);
        machine.Populate((scattered ? SimulatedMachine.Shuffled(Pages, Seed) : Enumerable.Range(0, Pages)).Select(page => (long)page));
        for (var round = 0; round < 100; round++)
        {
            machine.Fault(machine.At(0));
            machine.Invalidate(machine.Mapped);
        }

        var (bind, invalidate) = (new long[rounds], new long[rounds]);
        long bytes = 0;
        for (var round = 0; round < rounds; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var start = Stopwatch.GetTimestamp();
            machine.Fault(machine.At(0));
            var middle = Stopwatch.GetTimestamp();
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            var last = Stopwatch.GetTimestamp();
            machine.Invalidate(machine.Mapped);
            (bind[round], invalidate[round]) = (middle - start, Stopwatch.GetTimestamp() - last);
        }

        if (machine.Vm.Mirror.RangeCount != 1)
            throw new InvalidOperationException($"The 2 MiB became {machine.Vm.Mirror.RangeCount} ranges.");
        return (ToSamples(bind), ToSamples(invalidate), bytes / (double)rounds);
    }

    /// <summary>Ticks as nanoseconds.</summary>
    private static Samples ToSamples(long[] ticks)
    {
        var samples = new Samples();
        foreach (var value in ticks)
            samples.Add(value * 1e9 / Stopwatch.Frequency);
        return samples;
    }

    /// <summary>Nanoseconds of a walk.</summary>
    private static Samples Walk(int rounds)
    {
        var (from, to) = (new ulong[Pages], new ulong[Pages]);
        var samples = new Samples();
        for (var round = -Batch; round < rounds; round += Batch)
        {
            // Shorter than the clock can tell alone.
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < Batch; i++)
                Copy(from, to);
            if (round >= 0)
                samples.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / Batch);
        }

        return samples;
    }

    /// <summary>Reads entries and writes them, one by one.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Copy(ulong[] from, ulong[] to)
    {
        for (var i = 0; i < from.Length; i++)
            Volatile.Write(ref to[i], Volatile.Read(ref from[i]) + 1); // Volatile so that it stays one by one; pairs with nothing.
    }
}
