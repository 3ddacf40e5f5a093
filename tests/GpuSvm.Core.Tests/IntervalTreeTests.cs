// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Tests;

/// <summary>The interval tree against a plain list.</summary>
public sealed class IntervalTreeTests
{
    private sealed class Node : IntervalNode<Node>
    {
        public Node(ulong start, ulong bytes) => Interval = new AddressRange(new VirtualAddress(start), new VirtualAddress(start + bytes));
    }

    [Fact]
    public void EveryHistoryOfInsertsAndRemovalsAnswersAsAListDoes() =>
        Gen.Select(Gen.Bool, Gen.ULong[0, 400], Gen.ULong[1, 60], Gen.ULong[0, 460], Gen.ULong[1, 40]).Array[1, 200].Sample(steps =>
        {
            var tree = new IntervalTree<Node>();
            var model = new List<Node>();
            foreach ((bool remove, ulong start, ulong bytes, ulong queryStart, ulong queryBytes) in steps)
            {
                if (remove && model.Count > 0)
                {
                    Node victim = model[(int)(start % (ulong)model.Count)];
                    tree.Remove(victim);
                    model.Remove(victim);
                }
                else
                {
                    var node = new Node(start, bytes);
                    tree.Insert(node);
                    int at = model.FindLastIndex(other => other.Interval.Start <= node.Interval.Start) + 1;
                    model.Insert(at, node);
                }

                var query = new AddressRange(new VirtualAddress(queryStart), new VirtualAddress(queryStart + queryBytes));
                List<Node> expected = model.FindAll(node => node.Interval.Overlaps(query));
                var found = new List<Node>();
                for (Node? node = tree.FindFirst(query); node is not null; node = tree.NextOverlap(node, query))
                    found.Add(node);
                if (!found.SequenceEqual(expected) || tree.Count != model.Count || !ReferenceEquals(tree.First, model.FirstOrDefault()))
                    return false;
            }

            return true;
        });

    [Fact]
    public void ManyIntervalsWithTheSameStartCanAllBeRemoved()
    {
        var tree = new IntervalTree<Node>();
        Node[] nodes = [.. Enumerable.Range(0, 100).Select(i => new Node(4096, (ulong)i + 1))];
        foreach (Node node in nodes)
            tree.Insert(node);
        foreach (Node node in nodes.OrderBy(node => node.Interval.Bytes % 7))
            tree.Remove(node);
        Assert.Equal(0, tree.Count);
        Assert.Null(tree.First);
    }

    [Fact]
    public void InsertingTwiceIsRefused()
    {
        var tree = new IntervalTree<Node>();
        var node = new Node(1, 1);
        tree.Insert(node);
        Assert.Throws<InvalidOperationException>(() => tree.Insert(node));
        tree.Remove(node);
        Assert.Throws<InvalidOperationException>(() => tree.Remove(node));
    }
}
