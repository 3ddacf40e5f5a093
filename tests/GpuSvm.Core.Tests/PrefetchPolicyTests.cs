// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Tests;

/// <summary>How much of a block moves with a fault: the tree against answers known beforehand, against a naive count, and in the fault counts that were published for it.</summary>
public sealed class PrefetchPolicyTests
{
    private const int BlockPages = PageSize.PagesPerHuge;
    private const int Seed = 9_119;

    /// <summary>9 pages, of which 1, 2, 4, 7 and 8 are set, seen from page 6.</summary>
    [Fact]
    public void NinePagesMakeFiveLevelsWithTheseCounts()
    {
        ulong[] set = Bits(1, 2, 4, 7, 8);
        var tree = new DensityTree(set, 9);
        Assert.Equal(5, tree.Levels);
        int[] nodes = new int[5];
        int[] counts = new int[5];
        for (int up = 0; up < 5; up++)
        {
            nodes[up] = tree.NodesAt(4 - up);
            counts[up] = tree.Count(tree.Subtree(6, 4 - up));
        }

        Assert.Equal([9, 5, 3, 2, 1], nodes);
        Assert.Equal([0, 1, 2, 4, 5], counts);
        Assert.Equal(new PageRegion(0, 8), tree.Subtree(6, 1));
        Assert.Equal(new PageRegion(0, 9), tree.Subtree(6, 0));
        Assert.Equal(new PageRegion(8, 1), tree.Subtree(8, 1));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(16, 5)]
    [InlineData(17, 6)]
    [InlineData(512, 10)]
    public void TheLevelsFollowFromThePages(int pages, int levels)
    {
        var tree = new DensityTree(new ulong[8], pages);
        Assert.Equal(levels, tree.Levels);
        Assert.Equal(pages, tree.NodesAt(levels - 1));
        Assert.Equal(1, tree.NodesAt(0));
    }

    /// <summary>Block of 512 pages at 51 %: which pages are there, which one faults, what is brought.</summary>
    [Theory]
    [InlineData(0, 0, 5, 0, 16)] // Nothing there: the 64 KiB.
    [InlineData(0, 0, 511, 496, 16)]
    [InlineData(0, 16, 16, 0, 32)] // 32 of 32.
    [InlineData(0, 16, 32, 32, 16)] // 16 of 16; 32 of 64 is half, and that is not enough.
    [InlineData(0, 32, 32, 0, 64)] // 48 of 64.
    [InlineData(0, 32, 48, 0, 64)]
    [InlineData(0, 64, 64, 0, 128)] // 80 of 128.
    [InlineData(0, 128, 128, 0, 256)] // 144 of 256, 56 %.
    [InlineData(0, 256, 256, 0, 512)] // 272 of 512, 53 %.
    [InlineData(0, 240, 240, 0, 256)] // 256 of 256; 256 of 512 is half.
    [InlineData(0, 245, 250, 0, 256)]
    [InlineData(0, 246, 500, 0, 512)] // 262 of 512, 51.2 %.
    [InlineData(0, 245, 500, 496, 16)] // 261 of 512, 50.98 %.
    [InlineData(256, 256, 0, 0, 512)]
    public void TheLargestPartThatIsMoreThanHalfFullIsBrought(int first, int count, int fault, int regionFirst, int regionPages) =>
        Assert.Equal(new PageRegion(regionFirst, regionPages), Choose(new TreePrefetch(), fault, BlockPages, Run(first, count)));

    [Fact]
    public void TheFirstTouchBringsEverythingToWhereItIsWanted()
    {
        var policy = new TreePrefetch();
        Assert.Equal(new PageRegion(0, 512), policy.Choose(new PrefetchFacts(100, 512, new ulong[8], toPreferredLocation: true)));
        Assert.Equal(new PageRegion(96, 16), policy.Choose(new PrefetchFacts(100, 512, Bits(3), toPreferredLocation: true)));
        Assert.Equal(new PageRegion(96, 16), policy.Choose(new PrefetchFacts(100, 512, new ulong[8])));
    }

    [Fact]
    public void SmallBlocksAreBroughtAsFarAsTheyGo()
    {
        Assert.Equal(new PageRegion(0, 1), Choose(new TreePrefetch(), 0, 1, new ulong[1]));
        Assert.Equal(new PageRegion(0, 16), Choose(new TreePrefetch(), 7, 16, new ulong[1]));
        Assert.Equal(new PageRegion(16, 4), Choose(new TreePrefetch(), 18, 20, new ulong[1]));
        Assert.Equal(new PageRegion(0, 20), Choose(new TreePrefetch(), 3, 20, new ulong[1])); // 16 of 20.
        Assert.Equal(new PageRegion(0, 16), Choose(new TreePrefetch(100), 3, 20, new ulong[1]));
        Assert.Equal(new PageRegion(0, 20), Choose(new WholeRangePrefetch(), 18, 20, new ulong[1]));
        Assert.Equal(new PageRegion(18, 1), Choose(new FaultingPagesPrefetch(PageOrder.Small), 18, 20, new ulong[1]));
        Assert.Equal(new PageRegion(16, 4), Choose(new FaultingPagesPrefetch(), 18, 20, new ulong[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreePrefetch(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreePrefetch(101));
    }

    /// <summary>Faults of one block whose pages are each touched once, in order.</summary>
    [Fact]
    public void InOrderTheTreeFaultsSixTimesABlock()
    {
        int[] order = [.. Enumerable.Range(0, BlockPages)];
        Assert.Equal([0, 16, 32, 64, 128, 256], Faults(new TreePrefetch(), order));
        Assert.Equal(32, Faults(new FaultingPagesPrefetch(), order).Count);
        Assert.Equal(512, Faults(new FaultingPagesPrefetch(PageOrder.Small), order).Count);
        Assert.Equal([0], Faults(new WholeRangePrefetch(), order));
    }

    /// <summary>Shuffled: 32 faults at 64 KiB each; with the tree 13.7 on average (3,000 simulated blocks of 32 parts, this rule written another way).</summary>
    [Fact]
    public void ShuffledTheTreeFaultsLessThanHalfAsOften()
    {
        var random = new Random(Seed);
        int[] order = [.. Enumerable.Range(0, BlockPages)];
        double tree = 0;
        for (int round = 0; round < 600; round++)
        {
            random.Shuffle(order);
            tree += Faults(new TreePrefetch(), order).Count;
            Assert.Equal(32, Faults(new FaultingPagesPrefetch(), order).Count);
        }

        Assert.InRange(tree / 600, 13.4, 14.1);
    }

    /// <summary>Any pages there, any block, any threshold: the same as a recursion over halves that counts page by page.</summary>
    [Fact]
    public void EveryChoiceIsTheOneOfANaiveCount() =>
        Gen.Select(Gen.Int[1, 512], Gen.Int[0, 511], Gen.ULong.Array[8], Gen.ULong.Array[8], Gen.Int[1, 100]).Sample((pages, at, some, more, threshold) =>
        {
            int fault = at % pages;
            ulong[] resident = threshold % 2 == 0 ? some : [.. some.Zip(more, (one, other) => one | other)];
            PageRegion chosen = Choose(new TreePrefetch(threshold), fault, pages, resident);
            Assert.InRange(fault, chosen.First, chosen.End - 1);
            bool[] there = [.. Enumerable.Range(0, pages).Select(page => Has(resident, page) || page / 16 == fault / 16)];
            PageRegion big = new(fault / 16 * 16, Math.Min(16, pages - (fault / 16 * 16)));
            Assert.Equal(Naive(there, fault, 0, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)pages), threshold, big), chosen);
        }, iter: 20_000);

    /// <summary>Backwards in steps of 32 KiB, forwards in steps of 128 KiB, and in steps too large to follow.</summary>
    [Theory]
    [InlineData(511, -8, 9)]
    [InlineData(0, 32, 6)]
    [InlineData(0, 100, 6)]
    public void AStrideIsFollowedInEitherDirection(int first, int step, int faults)
    {
        int[] order = [.. Enumerable.Range(0, 511 / Math.Abs(step) + 1).Select(i => first + (i * step))];
        Assert.InRange(Faults(new StridePrefetch(), order, BlockPages).Count, 1, faults);
        Assert.Equal(order.Length, Faults(new FaultingPagesPrefetch(), order, BlockPages).Count + (step == -8 ? order.Length / 2 : 0));
    }

    [Fact]
    public void AnAdaptiveWindowGrowsInOrderAndIsGivenUpAtRandom()
    {
        var policy = new AdaptivePrefetch();
        int[] inOrder = [.. Enumerable.Range(0, BlockPages)];
        Assert.Equal(5, Faults(policy, inOrder, BlockPages).Count);
        Assert.Equal(2, Faults(policy, inOrder, BlockPages, block: 1).Count); // The next block begins with the window that this one has ended with.
        int[] atRandom = [300, 100, 400, 200, 500, 0, 450, 250, 50, 350];
        int brought = 0;
        ulong[] resident = new ulong[8];
        foreach (int page in atRandom)
            brought += policy.Choose(new PrefetchFacts(page, BlockPages, resident, block: 2)).Pages;
        Assert.InRange(brought, atRandom.Length * 16, (atRandom.Length * 16) + 170); // The first fault brings a quarter of the last window, the next less, then none.
    }

    [Fact]
    public void ChoosingAllocatesNothing()
    {
        IPrefetchPolicy[] policies = [new TreePrefetch(), new FaultingPagesPrefetch(), new WholeRangePrefetch()];
        ulong[] resident = Run(0, 256);
        int pages = 0;
        foreach (IPrefetchPolicy policy in policies)
            pages += Choose(policy, 300, BlockPages, resident).Pages;
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (IPrefetchPolicy policy in policies)
            pages += Choose(policy, 300, BlockPages, resident).Pages;
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(2 * (512 + 16 + 512), pages);
    }

    [Fact]
    public void RandomDrawsEveryPageOfABlockAndTheSameOnesForASeed()
    {
        var policy = new RandomPrefetch(7);
        int[] drawn = [.. Enumerable.Range(0, 2000).Select(_ => policy.Choose(new PrefetchFacts(0, 20, new ulong[1]))).Select(region => region.Pages == 1 ? region.First : -1)];
        Assert.Equal(Enumerable.Range(0, 20), drawn.Distinct().Order());
        Assert.All(Enumerable.Range(0, 20), page => Assert.InRange(drawn.Count(one => one == page), 50, 150));
        var again = new RandomPrefetch(7);
        Assert.Equal(drawn, Enumerable.Range(0, 2000).Select(_ => again.Choose(new PrefetchFacts(0, 20, new ulong[1])).First));
    }

    private static PageRegion Choose(IPrefetchPolicy policy, int fault, int pages, ReadOnlySpan<ulong> resident) => policy.Choose(new PrefetchFacts(fault, pages, resident));

    private static ulong[] Bits(params int[] pages)
    {
        ulong[] bits = new ulong[8];
        foreach (int page in pages)
            bits[page / 64] |= 1UL << (page % 64);
        return bits;
    }

    private static ulong[] Run(int first, int count) => Bits([.. Enumerable.Range(first, count)]);

    private static bool Has(ulong[] bits, int page) => (bits[page / 64] >> (page % 64) & 1) != 0;

    /// <summary>Touches every page in turn; the pages that fault.</summary>
    private static List<int> Faults(IPrefetchPolicy policy, int[] order, int pages = 0, long block = 0)
    {
        ulong[] resident = new ulong[8];
        var faults = new List<int>();
        foreach (int page in order)
        {
            if (Has(resident, page))
                continue;
            faults.Add(page);
            PageRegion region = policy.Choose(new PrefetchFacts(page, pages == 0 ? order.Length : pages, resident, block: block));
            for (int i = region.First; i < region.End; i++)
                resident[i / 64] |= 1UL << (i % 64);
        }

        return faults;
    }

    /// <summary>From the root down: the first subtree around the fault that is full enough; else the fault's own 64 KiB.</summary>
    private static PageRegion Naive(bool[] there, int fault, int first, int size, int threshold, PageRegion big)
    {
        int end = Math.Min(first + size, there.Length);
        if (end - first <= big.Pages)
            return big;
        int count = 0;
        for (int page = first; page < end; page++)
            count += there[page] ? 1 : 0;
        if (count * 100 > (end - first) * threshold)
            return new PageRegion(first, end - first);
        int half = size / 2;
        return Naive(there, fault, fault < first + half ? first : first + half, half, threshold, big);
    }
}
