// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Svm;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// An event on one bound page among many ranges: registry, window, range, page table, flush, unmap. The floor is the same event among ten ranges, so
/// the
/// ratio is what the number of ranges costs.
/// </summary>
internal sealed class InvalidationBenchmark : IBenchmark
{
    /// <summary>Ranges of the floor.</summary>
    private const int FewRanges = 10;

    /// <summary>Ranges that are hit in turn.</summary>
    private const int Hit = 512;

    /// <inheritdoc/>
    public string Title => "Invalidation of one range";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var events = settings.Quick ? 5_000 : 50_000;
        progress.Stage($"invalidation among {FewRanges} ranges");
        var floor = Invalidate(FewRanges, events).Summary(1);
        progress.Stage($"invalidation among {Format.Count(settings.Ranges)} ranges");
        var ours = Invalidate(settings.Ranges, events).Summary(1);
        yield return BenchRow.Latency(Title, $"one of {Format.Count(settings.Ranges)} ranges", "ns", ours, floor, $"one of {FewRanges} ranges", null,
            $"{Hit} of them are hit in turn, so that caches are colder than the floor's; the time of the event alone, not of the bind before it");
    }

    /// <summary>Nanoseconds of an event.</summary>
    private static Samples Invalidate(int ranges, int events)
    {
        using var machine = new SimulatedMachine(4 * Hit, ranges, PageOrder.Small);
        var context = new SvmContext(machine.Vm.Pagemap.OwnerToken, DevicePossible: true);
        using (machine.Vm.Lock.EnterRead())
        {
            for (var page = 0; page < ranges; page++)
            {
                SimulatedMachine.Expect(machine.Vm.Mirror.FindOrInsert(machine.At(page), machine.Mapped, context, out var range));
                range!.Put();
            }
        }

        var samples = new Samples();
        var hit = Math.Min(Hit, ranges);
        for (var round = -1; round * hit < events; round++)
        {
            // Spread over all of them; each is bound again before it is hit. They are timed together, because one is shorter than the clock can tell.
            for (var i = 0; i < hit; i++)
                machine.Fault(machine.At((long)i * ranges / hit));
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < hit; i++)
                machine.Invalidate(AddressRange.OfPages(machine.At((long)i * ranges / hit), 1));
            if (round >= 0)
                samples.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / hit);
        }

        return samples;
    }
}
