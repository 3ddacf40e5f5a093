// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Tests;

/// <summary>The interval tree against a plain list.</summary>
public sealed class IntervalTreeTests
{
    private const int Seed = 20_260_131;

    private sealed class Node : IntervalNode<Node>
    {
        public Node(ulong start, ulong end) => Interval = Of(start, end);
    }

    private enum Step
    {
        Insert,
        Remove,
        Split,
        Shrink,
    }

    /// <summary>Whole trees: after each step of a random history the shape is right, and every question is answered as by a list.</summary>
    [Fact]
    public void EveryHistoryOfInsertsRemovalsAndSplitsAnswersAsAListDoes() =>
        Gen.Select(Gen.Enum<Step>(), Gen.ULong[0, 400], Gen.ULong[1, 60], Gen.ULong[0, 460], Gen.ULong[1, 40]).Array[1, 150].Sample(steps =>
        {
            var tree = new IntervalTree<Node>();
            var model = new List<Node>();
            foreach ((Step step, ulong start, ulong bytes, ulong queryStart, ulong queryBytes) in steps)
            {
                Apply(tree, model, model.Count == 0 ? Step.Insert : step, start, bytes);
                TreeShape.AssertSame(tree, model);
                TreeShape.AssertAnswers(tree, model, Of(queryStart, queryStart + queryBytes));
            }
        }, iter: 400);

    /// <summary>100 objects, 100 questions, many rounds: which objects overlap, and which parts are used or holes.</summary>
    [Theory]
    [InlineData(1UL, 1000)] // Nearly all overlap.
    [InlineData(1000UL, 10)]
    [InlineData(20UL, 1)] // Mostly holes.
    public void AHundredObjectsAnswerAHundredQuestionsInEveryRound(ulong spread, int most)
    {
        var random = new Random(Seed);
        for (int round = 0; round < 60; round++)
        {
            var tree = new IntervalTree<Node>();
            var model = new List<Node>();
            for (int i = 0; i < 100; i++)
                InsertRandom(tree, model, random, 10 * spread, (ulong)most);
            for (int i = 0; i < 100; i++)
            {
                ulong start = Random(random, 10 * spread);
                TreeShape.AssertAnswers(tree, model, Of(start, start + 1 + Random(random, 2 * spread)));
            }

            TreeShape.AssertSame(tree, model);
            while (model.Count > 0)
            {
                Node victim = model[random.Next(model.Count)];
                tree.Remove(victim);
                model.Remove(victim);
                Assert.False(victim.IsLinked);
            }

            Assert.Null(tree.Root);
        }
    }

    [Fact]
    public void TheObjectAtHandMayBeRemovedOrSplitDuringAWalkAndAWalkCanBeResumed()
    {
        var tree = new IntervalTree<Node>();
        Node[] nodes = [.. Enumerable.Range(0, 50).Select(i => new Node((ulong)i * 10, (ulong)i * 10 + 10))];
        foreach (Node node in nodes)
            tree.Insert(node);
        Node? cursor = null;
        int given = 0;
        foreach (Node node in tree.Overlapping(Of(95, 405)))
        {
            Assert.Same(nodes[9 + given++], node);
            if (given % 3 == 0)
                tree.Remove(node);
            else if (given % 3 == 1)
                Split(tree, node, node.Interval.Start.Value + 5);
            if (given == 20)
            {
                cursor = node.Next;
                break;
            }
        }

        foreach (Node node in tree.Overlapping(Of(95, 405), cursor))
            Assert.Same(nodes[9 + given++], node);
        Assert.Equal(32, given);
        TreeShape.AssertSame(tree, [.. Walk(tree)]);
    }

    /// <summary>Equal starts, ascending, descending: the depth stays near the logarithm, and objects with one start keep their order.</summary>
    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(-1L)]
    public void NoOrderOfStartsMakesTheTreeDeep(long stride)
    {
        const int Count = 100_000;
        var tree = new IntervalTree<Node>();
        var nodes = new Node[Count];
        for (int i = 0; i < Count; i++)
        {
            ulong start = (ulong)(1_000_000 + i * stride);
            nodes[i] = new Node(start, start + (ulong)(i % 7) + 1);
            tree.Insert(nodes[i]);
        }

        Assert.InRange(tree.Root!.Height, 17, 24); // 1.44 log2(n).
        if (stride == 0)
            Assert.Equal(nodes, Walk(tree));
        for (int i = 0; i < Count; i += 2)
            tree.Remove(nodes[i]);
        Assert.InRange(tree.Root!.Height, 16, 23);
        for (int i = Count - 1; i > 0; i -= 2)
            tree.Remove(nodes[i]);
        Assert.Equal(0, tree.Count);
        Assert.Null(tree.First);
    }

    [Fact]
    public void AReplacementMustKeepTheOrder()
    {
        var tree = new IntervalTree<Node>();
        Node[] nodes = [new(0, 5), new(10, 20), new(30, 40)];
        foreach (Node node in nodes)
            tree.Insert(node);
        Assert.Throws<InvalidOperationException>(() => tree.Replace(nodes[0], new Node(11, 12)));
        Assert.Throws<InvalidOperationException>(() => tree.Replace(nodes[2], new Node(9, 12)));
        Assert.Throws<InvalidOperationException>(() => tree.Replace(nodes[1], new Node(31, 32)));
        Assert.Throws<InvalidOperationException>(() => tree.Replace(nodes[1], nodes[2]));
        Assert.Throws<InvalidOperationException>(() => tree.Replace(new Node(10, 20), new Node(10, 20)));
        TreeShape.AssertSame(tree, nodes);
        var wide = new Node(5, 1000);
        tree.Replace(nodes[1], wide);
        TreeShape.AssertSame(tree, [nodes[0], wide, nodes[2]]);
        Assert.Same(wide, tree.Find(new VirtualAddress(900)));
        Assert.False(nodes[1].IsLinked);
    }

    [Fact]
    public void InsertingTwiceIsRefused()
    {
        var tree = new IntervalTree<Node>();
        var node = new Node(1, 2);
        tree.Insert(node);
        Assert.Throws<InvalidOperationException>(() => tree.Insert(node));
        tree.Remove(node);
        Assert.Throws<InvalidOperationException>(() => tree.Remove(node));
        Assert.Throws<InvalidOperationException>(() => tree.Insert(new Node(3, 3)));
    }

    private static AddressRange Of(ulong start, ulong end) => new(new VirtualAddress(start), new VirtualAddress(end));

    private static ulong Random(Random random, ulong below) => (ulong)random.NextInt64((long)below);

    private static IEnumerable<Node> Walk(IntervalTree<Node> tree)
    {
        for (Node? node = tree.First; node is not null; node = node.Next)
            yield return node;
    }

    /// <summary>One step on both.</summary>
    private static void Apply(IntervalTree<Node> tree, List<Node> model, Step step, ulong start, ulong bytes)
    {
        int at = model.Count == 0 ? 0 : (int)(start % (ulong)model.Count);
        switch (step)
        {
            case Step.Insert:
                Insert(tree, model, new Node(start, start + bytes));
                break;
            case Step.Remove:
                tree.Remove(model[at]);
                model.RemoveAt(at);
                break;
            case Step.Split when model[at].Interval.Bytes > 1:
                Node old = model[at];
                (Node low, Node high) = Split(tree, old, old.Interval.Start.Value + 1 + bytes % ((ulong)old.Interval.Bytes - 1));
                model[at] = low;
                model.Insert(model.FindLastIndex(other => other.Interval.Start <= high.Interval.Start) + 1, high);
                break;
            case Step.Shrink when model[at].Interval.Bytes > 1:
                (ulong first, ulong end) = (model[at].Interval.Start.Value, model[at].Interval.End.Value);
                var shrunk = new Node(first, end - 1);
                tree.Replace(model[at], shrunk);
                model[at] = shrunk;
                break;
        }
    }

    private static void InsertRandom(IntervalTree<Node> tree, List<Node> model, Random random, ulong spread, ulong most)
    {
        ulong start = Random(random, spread);
        Insert(tree, model, new Node(start, start + 1 + Random(random, most)));
    }

    private static void Insert(IntervalTree<Node> tree, List<Node> model, Node node)
    {
        tree.Insert(node);
        model.Insert(model.FindLastIndex(other => other.Interval.Start <= node.Interval.Start) + 1, node);
    }

    /// <summary>Cuts an object in two.</summary>
    private static (Node Low, Node High) Split(IntervalTree<Node> tree, Node node, ulong cut)
    {
        var low = new Node(node.Interval.Start.Value, cut);
        var high = new Node(cut, node.Interval.End.Value);
        tree.Replace(node, low);
        tree.Insert(high);
        return (low, high);
    }
}
