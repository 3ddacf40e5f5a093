// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>How large a new range is (INV-6): every place of a block in every mapping of it, and everything else that can be in the way against brute force.</summary>
public sealed class ChunkSelectionTests
{
    private const int BlockPages = PageSize.PagesPerHuge;
    private static readonly PageOrder[] _orders = [PageOrder.Huge, PageOrder.Medium, PageOrder.Small];
    private static readonly VirtualAddress _base = new(0x7000_0000_0000);
    private static readonly AddressRange _everywhere = new(default, new VirtualAddress(1UL << 47));

    /// <summary>One question to the code under test; the one place that knows how it is asked.</summary>
    private sealed class Chooser : ISvmNotifierClient
    {
        private readonly SvmNotifier _notifier;

        public Chooser(AddressRange notifier) => _notifier = new SvmNotifier(notifier, this);

        public AddressRange? Choose(VirtualAddress address, AddressRange mapping, AddressRange window) =>
            ChunkSelection.LargestLocked(_orders, address, mapping, window, _notifier);

        public NotifierHold Hold() => new(_notifier);

        public void AddNeighbour(AddressRange interval) => _notifier.Ranges.Insert(new GpuRange(_notifier, interval, isMigratable: false));

        public void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent) => throw new InvalidOperationException("No event comes here.");

        public void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent) => throw new InvalidOperationException("No event comes here.");
    }

    /// <summary>The notifier's lock, held while questions are asked.</summary>
    private readonly ref struct NotifierHold(SvmNotifier notifier)
    {
        private readonly Locking.RankedReaderWriterLock.ReadScope _scope = notifier.Lock.EnterRead();
        private readonly Locking.AllocationWatch.Scope _pause = Locking.AllocationWatch.Pause(); // What the test makes of the answers.

        public void Dispose()
        {
            _pause.Dispose();
            _scope.Dispose();
        }
    }

    /// <summary>
    /// All 131,328 mappings [i, j) of a 2 MiB block, page by page: the chunks partition the mapping, each is the largest aligned size that fits there, and all pages
    /// of a chunk answer with the same one.
    /// </summary>
    [Fact]
    public void EveryMappingInsideABlockIsPartitionedIntoTheLargestChunks()
    {
        var chooser = new Chooser(_base.Block(new PageOrder(17)));
        using NotifierHold hold = chooser.Hold();
        int mappings = 0;
        for (int first = 0; first < BlockPages; first++)
        {
            for (int end = first + 1; end <= BlockPages; end++)
            {
                mappings++;
                AddressRange mapping = Pages(first, end);
                for (int page = first; page < end;)
                {
                    int size = first == 0 && end == BlockPages ? BlockPages : 16;
                    if (page % size != 0 || page + size > end)
                        size = 1;
                    AddressRange expected = Pages(page, page + size);
                    for (int other = page; other < page + size; other++)
                    {
                        if (chooser.Choose(At(other), mapping, _everywhere) != expected)
                            Assert.Fail($"page {other} of the mapping [{first}, {end}): {chooser.Choose(At(other), mapping, _everywhere)} instead of {expected}");
                    }

                    page += size;
                }
            }
        }

        Assert.Equal(BlockPages * (BlockPages + 1) / 2, mappings);
    }

    /// <summary>Mapping, notifier window, GPU window and neighbours at random, against a search over all blocks.</summary>
    [Fact]
    public void TheChunkIsTheOneThatASearchOverAllBlocksFinds() =>
        Gen.Select(
            Gen.Select(Gen.Int[0, 1023], Gen.Int[1, 1200]), // The mapping.
            Gen.Select(Gen.Int[0, 1023], Gen.Int[1, 1500]), // The GPU's window.
            Gen.Int[0, 2], // The notifier: 1, 2 or 4 blocks.
            Gen.Select(Gen.Int[0, 1535], Gen.Int[0, 2].Select(i => _orders[i])).Array[0, 10], // Neighbours.
            Gen.Int[0, 1023].Array[1, 20]).Sample((mappingAt, windowAt, notifierOrder, neighbours, pages) =>
        {
            AddressRange mapping = Pages(mappingAt.Item1, mappingAt.Item1 + mappingAt.Item2);
            AddressRange window = Pages(windowAt.Item1, windowAt.Item1 + windowAt.Item2);
            foreach (int page in pages)
            {
                AddressRange notifier = At(page).Block(new PageOrder((byte)(9 + notifierOrder)));
                var chooser = new Chooser(notifier);
                List<AddressRange> taken = [];
                foreach ((int at, PageOrder order) in neighbours)
                {
                    AddressRange block = At(at).Block(order);
                    if (!notifier.Contains(block) || taken.Exists(block.Overlaps) || block.Contains(At(page)))
                        continue;
                    taken.Add(block);
                    chooser.AddNeighbour(block);
                }

                using NotifierHold hold = chooser.Hold();
                Assert.Equal(Search(At(page), [mapping, window, notifier], taken, _ => true), chooser.Choose(At(page), mapping, window));
            }
        }, iter: 3000);

    /// <summary>The same through the mirror, where pages may have to be present up to a size, and every range made is the next one's neighbour.</summary>
    [Fact]
    public void ARangeAvoidsAbsentPagesUpToTheThreshold() =>
        Gen.Select(
            Gen.Select(Gen.Int[0, 1023], Gen.Int[1, 900]),
            Gen.Select(Gen.Int[0, 1023], Gen.Int[64, 1500]),
            Gen.Int[0, 2].Select(i => i == 0 ? 0L : _orders[2 - i].Bytes),
            Gen.Select(Gen.Int[0, 1535], Gen.Int[1, 700]).Array[0, 3], // Runs of pages that the CPU has touched.
            Gen.Int[0, 1535].Array[1, 12]).Sample((mappingAt, windowAt, threshold, touched, faults) =>
        {
            using var machine = new Machine(devicePages: 4096, vm: new GpuVmOptions { NotifierBytes = 2L * PageSize.HugeBytes, Placement = new Policies.SystemPlacement() });
            VirtualAddress start = machine.Allocate(4096).End.AlignDown(new PageOrder(10)) + (64L * PageSize.HugeBytes);
            AddressRange mapping = Of(start, mappingAt.Item1, mappingAt.Item2);
            AddressRange window = Of(start, windowAt.Item1, windowAt.Item2);
            Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapping.Start, mapping.Bytes));
            foreach ((int first, int count) in touched)
            {
                AddressRange run = Of(start, first, count).Intersect(mapping);
                for (VirtualAddress at = run.Start; at < run.End; at += PageSize.Bytes)
                    machine.CpuStore(at, 1);
            }

            List<AddressRange> ranges = [];
            foreach (int fault in faults)
            {
                VirtualAddress at = start + ((long)fault * PageSize.Bytes);
                AddressRange notifier = at.Block(new PageOrder(10));
                AddressRange? expected = mapping.Contains(at) && window.Contains(at)
                    ? ranges.Find(range => range.Contains(at)) is { IsEmpty: false } existing ? existing
                        : Search(at, [mapping, window, notifier], ranges, block => block.Bytes > threshold || AllPresent(machine, block))
                    : null;
                AddressRange? found = null;
                using (machine.Vm.Lock.EnterRead())
                {
                    var context = new SvmContext(machine.Vm.Pagemap.OwnerToken, CheckPagesBytes: threshold);
                    SvmStatus status = machine.Vm.Mirror.FindOrInsert(at, window, context, out SvmRange? range);
                    Assert.Equal(!window.Contains(at) ? SvmStatus.InvalidArgument : !mapping.Contains(at) ? SvmStatus.NotMapped : SvmStatus.Done, status);
                    found = range?.Interval;
                    range?.Put();
                }

                Assert.Equal(expected, found);
                if (found is { } interval && !ranges.Contains(interval))
                    ranges.Add(interval);
            }

            Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapping));
        }, iter: 60, threads: 1);

    private static VirtualAddress At(int page) => _base + ((long)page * PageSize.Bytes);

    private static AddressRange Pages(int first, int end) => new(At(first), At(end));

    private static AddressRange Of(VirtualAddress start, int page, int pages) => AddressRange.OfPages(start + ((long)page * PageSize.Bytes), pages);

    private static bool AllPresent(Machine machine, AddressRange block)
    {
        var page = new HostPage[1];
        for (VirtualAddress at = block.Start; at < block.End; at += PageSize.Bytes)
        {
            Assert.Equal(SvmStatus.Done, machine.Memory.Query(AddressRange.OfPages(at, 1), page)); // The CPU's faults bring in neighbours too.
            if (!page[0].IsPresent)
                return false;
        }

        return true;
    }

    /// <summary>Tries every block of every size that holds the address, the largest last.</summary>
    private static AddressRange? Search(VirtualAddress address, AddressRange[] inside, List<AddressRange> taken, Predicate<AddressRange> isAllowed)
    {
        AddressRange? best = null;
        foreach (PageOrder order in _orders.Reverse())
        {
            AddressRange block = AddressRange.OfBytes(new VirtualAddress(address.Value / (ulong)order.Bytes * (ulong)order.Bytes), order.Bytes);
            if (Array.TrueForAll(inside, outer => outer.Contains(block)) && !taken.Exists(block.Overlaps) && (order == PageOrder.Small || isAllowed(block)))
                best = block;
        }

        return best;
    }
}
