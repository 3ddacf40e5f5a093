// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Tests;

/// <summary>Generated graphs and what graphs are made of.</summary>
public sealed class KroneckerTests
{
    [Fact]
    public void TheSameScaleAndSeedGiveTheSameGraph()
    {
        var first = Kronecker.Generate(11, 5);
        var second = Kronecker.Generate(11, 5);
        Assert.Equal(first.Offsets, second.Offsets);
        Assert.Equal(first.Targets, second.Targets);
    }

    [Fact]
    public void AnotherSeedGivesAnotherGraph() => Assert.NotEqual(Kronecker.Generate(11, 5).Targets, Kronecker.Generate(11, 6).Targets);

    [Fact]
    public void TheGraphStaysTheSameFromVersionToVersion()
    {
        var graph = Kronecker.Generate(10, 1);
        var sum = 0UL;
        foreach (var target in graph.Targets)
            sum = (sum * 31) + (ulong)target;
        Assert.Equal((1024, 20932, 12656139123470461559UL), (graph.Nodes, graph.Edges, sum));
    }

    [Fact]
    public void EveryEdgeGoesBothWaysAndNoneTwiceOrToItself()
    {
        var graph = Kronecker.Generate(12, 9);
        for (var node = 0; node < graph.Nodes; node++)
        {
            var last = -1;
            foreach (var target in graph.Row(node))
            {
                Assert.NotEqual(node, target);
                Assert.True(target > last, $"row {node} holds {target} behind {last}");
                Assert.True(graph.Row(target).BinarySearch(node) >= 0, $"edge {node} -> {target} has no reverse");
                last = target;
            }
        }
    }

    [Fact]
    public void DegreesAreSkewedAsTheRecipeWants()
    {
        var graph = Kronecker.Generate(14, 1);
        Assert.InRange(graph.Edges, 20 << 14, 32 << 14);
        Assert.True(graph.Degree(graph.BusiestNode()) > 30 * graph.Edges / graph.Nodes, "no node stands out");
    }

    [Fact]
    public void TransposingTurnsEveryEdgeRound()
        => Gen.Select(Gen.Int[1, 30], Gen.Int[0, 1000]).SelectMany((nodes, _) =>
            Gen.Select(Gen.Long[0, nodes - 1].Array[1, 80], Gen.Long[0, nodes - 1].Array[80]).Select((sources, targets) => (nodes, sources, targets)))
            .Sample(input =>
            {
                var targets = input.targets[..input.sources.Length];
                var graph = CsrGraph.FromEdges(input.nodes, input.sources, targets, "test");
                var turned = graph.Transpose();
                var expected = CsrGraph.FromEdges(input.nodes, targets, input.sources, "test");
                Assert.Equal(expected.Offsets, turned.Offsets);
                Assert.Equal(expected.Targets, turned.Targets);
                Assert.Equal(graph.Targets, turned.Transpose().Targets);
            });

    [Fact]
    public void APermutationHoldsEveryNumberOnce()
        => Gen.Select(Gen.Int[1, 2000], Gen.ULong).Sample((count, seed) =>
        {
            var order = new SplitMix(seed).Permutation(count);
            Assert.Equal(Enumerable.Range(0, count), order.Order());
        });
}
