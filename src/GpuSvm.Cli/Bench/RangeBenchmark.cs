// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Svm;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// The bookkeeping of ranges: finding or inserting, finding, and removing one of many, in random order, and what each takes in memory. The peer is
/// a
/// SortedDictionary by address, which does the same without mappings, windows, locks and references. Ranges only, without pages.
/// </summary>
internal sealed class RangeBenchmark : IBenchmark
{
    /// <summary>Bytes that a range may take beside its pages.</summary>
    private const double MostBytes = 200;

    /// <summary>Ranges of the smallest figure; each further one has ten times as many.</summary>
    private const int FewestRanges = 1000;

    /// <summary>So many ranges are measured in one round only.</summary>
    private const int ManyRanges = 1_000_000;

    /// <summary>Operations behind each figure at the least, by repetition where the ranges are few.</summary>
    private const int LeastOperations = 200_000;

    /// <summary>The order of addresses, the same in each run.</summary>
    private const int Seed = 20_011;

    /// <inheritdoc/>
    public string Title => "Range bookkeeping";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        const string Peer = "SortedDictionary";
        RangeTimes? smaller = null;
        RangeTimes? smallerPeer = null;
        placement.Add($"range bookkeeping: one thread, first on CPU {CpuPlacement.Current()}, not pinned");
        for (var count = FewestRanges; count <= settings.Ranges; count *= 10)
        {
            progress.Stage($"{Format.Count(count)} ranges");
            var pages = new int[count];
            for (var page = 0; page < count; page++)
                pages[page] = page;
            new Random(Seed).Shuffle(pages);
            var rounds = Math.Max(settings.Quick || count >= ManyRanges ? 1 : 3, LeastOperations / count);
            var peer = Median(rounds, pages, MeasurePeer);
            var ours = Median(rounds, pages, MeasureOurs);
            var name = Format.Count(count);
            yield return Row($"find or insert, {name}", "ns", ours.Insert, peer.Insert, Peer, null);
            yield return Row($"find, {name}", "ns", ours.Find, peer.Find, Peer, null);
            yield return Row($"remove, {name}", "ns", ours.Remove, peer.Remove, Peer, null);
            yield return Row($"memory, {name}", "bytes", ours.Bytes, peer.Bytes, Peer, MostBytes / peer.Bytes, $"the goal is {MostBytes:0} bytes for a range, its pages not counted");
            if (smaller is { } few && smallerPeer is { } fewPeer)
            {
                yield return Row($"growth of insert to {name}", "x", ours.Insert / few.Insert, peer.Insert / fewPeer.Insert, Peer, null, "time by that of a tenth as many");
                yield return Row($"growth of find to {name}", "x", ours.Find / few.Find, peer.Find / fewPeer.Find, Peer, null, "time by that of a tenth as many");
            }

            (smaller, smallerPeer) = (ours, peer);
        }
    }

    /// <summary>One row: smaller is better.</summary>
    private BenchRow Row(string name, string unit, double ours, double floor, string floorName, double? goal, string note = "")
        => BenchRow.Latency(Title, name, unit, (ours, ours), (floor, floor), floorName, goal, note);

    /// <summary>The medians of several rounds, after one that is not counted.</summary>
    private static RangeTimes Median(int rounds, int[] pages, Func<int[], RangeTimes> measure)
    {
        var (insert, find, remove, bytes) = (new Samples(), new Samples(), new Samples(), new Samples());
        if (pages.Length < LeastOperations)
            _ = measure(pages);
        for (var round = 0; round < rounds; round++)
        {
            var times = measure(pages);
            insert.Add(times.Insert);
            find.Add(times.Find);
            remove.Add(times.Remove);
            bytes.Add(times.Bytes);
        }

        return new RangeTimes(insert.Median, find.Median, remove.Median, bytes.Median);
    }

    /// <summary>Through the mirror of a GPU address space, as a fault does it.</summary>
    private static RangeTimes MeasureOurs(int[] pages)
    {
        using var machine = new SimulatedMachine(512, pages.Length, PageOrder.Small);
        var mirror = machine.Vm.Mirror;
        var context = new SvmContext(machine.Vm.Pagemap.OwnerToken, DevicePossible: true);
        double insert, find, bytes;
        using (machine.Vm.Lock.EnterRead())
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            insert = Nanoseconds(pages, page => Use(mirror, machine, page, context).Put());
            bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)pages.Length;
            find = Nanoseconds(pages, page => Use(mirror, machine, page, context).Put());
        }

        if (mirror.RangeCount != pages.Length)
            throw new InvalidOperationException($"{mirror.RangeCount} ranges were made for {pages.Length} pages.");
        double remove;
        using (machine.Vm.Lock.EnterWrite())
        {
            remove = Nanoseconds(pages, page =>
            {
                var range = Use(mirror, machine, page, context);
                mirror.Remove(range);
                range.Put();
            });
        }

        return new RangeTimes(insert, find, remove, bytes);
    }

    /// <summary>Finds or makes the range of a page.</summary>
    private static SvmRange Use(SvmMirror mirror, SimulatedMachine machine, int page, in SvmContext context)
    {
        SimulatedMachine.Expect(mirror.FindOrInsert(machine.At(page), machine.Mapped, context, out var range));
        return range!;
    }

    /// <summary>The same with a sorted dictionary.</summary>
    private static RangeTimes MeasurePeer(int[] pages)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var ranges = new SortedDictionary<ulong, PeerRange>();
        Action<int> use = page =>
        {
            var start = (ulong)page << PageSize.Shift;
            if (!ranges.TryGetValue(start, out var range))
                ranges.Add(start, range = new PeerRange(start, start + PageSize.Bytes));
            range.References++;
        };
        var insert = Nanoseconds(pages, use);
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)pages.Length;
        var find = Nanoseconds(pages, use);
        var remove = Nanoseconds(pages, page =>
        {
            use(page);
            ranges.Remove((ulong)page << PageSize.Shift);
        });
        GC.KeepAlive(ranges);
        return new RangeTimes(insert, find, remove, bytes);
    }

    /// <summary>Nanoseconds for each page of some work.</summary>
    private static double Nanoseconds(int[] pages, Action<int> work)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var page in pages)
            work(page);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / pages.Length;
    }
}
