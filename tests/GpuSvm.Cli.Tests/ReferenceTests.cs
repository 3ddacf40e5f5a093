// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Cli.Workloads;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Tests;

/// <summary>The plain CPU runs that workloads verify against, on inputs whose answers are known.</summary>
public sealed class ReferenceTests
{
    /// <summary>A graph from pairs.</summary>
    private static CsrGraph Graph(int nodes, params (int From, int To)[] edges)
        => CsrGraph.FromEdges(nodes, [.. edges.Select(edge => (long)edge.From)], [.. edges.Select(edge => (long)edge.To)], "test");

    [Fact]
    public void DistancesOnAPathCountItsEdges()
        => Assert.Equal([2, 1, 0, 1, 2, -1], BfsWorkload.Reference(Graph(6, (2, 1), (1, 0), (2, 3), (3, 4), (5, 2)), 2));

    [Fact]
    public void DistancesTakeTheShorterOfTwoWays()
        => Assert.Equal([0, 1, 2, 1, 2], BfsWorkload.Reference(Graph(5, (0, 1), (1, 2), (2, 4), (0, 3), (3, 4), (4, 0), (3, 3)), 0));

    [Fact]
    public void RanksOnACycleAreEqual()
    {
        foreach (var rank in PageRankWorkload.Reference(Graph(4, (0, 1), (1, 2), (2, 3), (3, 0)), 20))
            Assert.Equal(0.25, rank, 14);
    }

    [Fact]
    public void RanksOfAStarAreThoseOfItsEquations()
    {
        // Leaves 1 and 2 link to 0, which links to nobody: r1 = r2 = 0.05 + 0.85 r0 / 3 and r0 = r1 + 0.85 (r1 + r2), with the sum 1.
        var ranks = PageRankWorkload.Reference(Graph(3, (1, 0), (2, 0)), 200);
        var leaf = 1 / 4.7;
        Assert.Equal(leaf, ranks[1], 12);
        Assert.Equal(leaf, ranks[2], 12);
        Assert.Equal(2.7 * leaf, ranks[0], 12);
        Assert.Equal(0.05 + (0.85 * ranks[0] / 3), leaf, 12);
    }

    [Fact]
    public void TheTriadAddsTheScaledValuesAtEveryLength()
    {
        for (var length = 0; length < 40; length++)
        {
            var left = Enumerable.Range(0, length).Select(index => (double)index).ToArray();
            var right = Enumerable.Range(0, length).Select(index => 8.0 * index).ToArray();
            TriadWorkload.Combine(left, right);
            Assert.Equal(Enumerable.Range(0, length).Select(index => 3.0 * index), left);
        }
    }

    [Fact]
    public void MergingTwoSortedPiecesGivesTheSortedWhole()
        => Gen.Select(Gen.Long[-5, 5].Array[0, 40], Gen.Long[-5, 5].Array[0, 40]).Sample((left, right) =>
        {
            Array.Sort(left);
            Array.Sort(right);
            var merged = new long[left.Length + right.Length];
            SortWorkload.Merge(left, right, merged);
            Assert.Equal(left.Concat(right).Order(), merged);
        });

    [Theory]
    [InlineData(0, 1 << 20)]
    [InlineData(3 << 20, 1 << 20)]
    [InlineData(64 << 20, 16 << 20)]
    [InlineData((64 << 20) + 4, (16 << 20) + (64 << 10))]
    public void TheChosenDeviceMemoryIsAQuarterOfTheDataButAtLeastAMebibyte(long dataBytes, long expected)
        => Assert.Equal(expected, WorkloadRunner.ChooseDeviceBytes(dataBytes));

    [Fact]
    public void PiecesCoverEveryElementOnceWithAnyNumberOfThreads()
        => Gen.Select(Gen.Int[0, 3000], Gen.Int[1, 9]).Sample((count, threads) =>
        {
            var seen = new int[count];
            CpuThreads.ForEachPiece(count, threads, (start, length) =>
            {
                for (var index = 0; index < length; index++)
                    Interlocked.Increment(ref seen[start + index]);
            });
            Assert.All(seen, times => Assert.Equal(1, times));
        }, iter: 30);

    [Fact]
    public void AFailureOnACpuThreadReachesTheCaller()
        => Assert.Throws<InvalidOperationException>(() => CpuThreads.ForEachPiece(10, 3, (_, _) => throw new InvalidOperationException()));
}
