// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Tests;

/// <summary>What an interval tree must be like inside, and what a plain list of the same objects answers.</summary>
internal static class TreeShape
{
    /// <summary>Asserts links, heights, balance, ends and order, and that the walks visit exactly the model's objects.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="model">The same objects in order.</param>
    internal static void AssertSame<T>(IntervalTree<T> tree, IReadOnlyList<T> model)
        where T : IntervalNode<T>
    {
        Assert.Equal(model.Count, tree.Count);
        Assert.Same(model.Count == 0 ? null : model[0], tree.First);
        Assert.Same(model.Count == 0 ? null : model[^1], tree.Last);
        int at = 0;
        AssertSubtree(tree.Root, null, model, ref at);
        Assert.Equal(model.Count, at);
        for (int i = 0; i < model.Count; i++)
        {
            Assert.Same(i == 0 ? null : model[i - 1], model[i].Previous);
            Assert.Same(i == model.Count - 1 ? null : model[i + 1], model[i].Next);
        }
    }

    /// <summary>Asserts what searches and walks of one interval answer.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="model">The same objects in order.</param>
    /// <param name="query">The interval, not empty.</param>
    internal static void AssertAnswers<T>(IntervalTree<T> tree, IReadOnlyList<T> model, AddressRange query)
        where T : IntervalNode<T>
    {
        List<T> expected = [.. model.Where(node => node.Interval.Overlaps(query))];
        var found = new List<T>();
        for (T? node = tree.FindFirst(query); node is not null; node = tree.NextOverlap(node, query))
            found.Add(node);
        Assert.Equal(expected, found);
        Assert.Same(expected.LastOrDefault(), tree.FindLast(query));
        var walked = new List<T>();
        foreach (T node in tree.Overlapping(query))
            walked.Add(node);
        Assert.Equal(expected, walked);
        Assert.Equal(SpansOf(model, query), SpansOf(tree, query));
    }

    /// <summary>The parts of an interval as the tree walks them.</summary>
    internal static List<(AddressRange Interval, T? First)> SpansOf<T>(IntervalTree<T> tree, AddressRange query)
        where T : IntervalNode<T>
    {
        var spans = new List<(AddressRange, T?)>();
        foreach (IntervalSpan<T> span in tree.Spans(query))
        {
            Assert.Equal(span.First is null, span.IsHole);
            spans.Add((span.Interval, span.First));
        }

        return spans;
    }

    /// <summary>The parts of an interval, address by address: objects that overlap or touch are one part.</summary>
    private static List<(AddressRange Interval, T? First)> SpansOf<T>(IReadOnlyList<T> model, AddressRange query)
        where T : IntervalNode<T>
    {
        var spans = new List<(AddressRange, T?)>();
        for (VirtualAddress at = query.Start; at < query.End;)
        {
            T? first = model.FirstOrDefault(node => node.Interval.Contains(at));
            VirtualAddress start = at;
            while (at < query.End && model.Any(node => node.Interval.Contains(at)) == first is not null)
                at += 1;
            spans.Add((new AddressRange(start, at), first));
        }

        return spans;
    }

    /// <summary>Asserts one subtree, and counts its objects in order.</summary>
    private static (int Height, ulong End) AssertSubtree<T>(T? node, T? parent, IReadOnlyList<T> model, ref int at)
        where T : IntervalNode<T>
    {
        if (node is null)
            return (0, 0);
        Assert.Same(parent, node.Parent);
        Assert.True(node.IsLinked);
        (int leftHeight, ulong leftEnd) = AssertSubtree(node.Left, node, model, ref at);
        Assert.Same(model[at++], node);
        (int rightHeight, ulong rightEnd) = AssertSubtree(node.Right, node, model, ref at);
        Assert.True(Math.Abs(leftHeight - rightHeight) <= 1, "the tree leans");
        Assert.Equal(Math.Max(leftHeight, rightHeight) + 1, node.Height);
        Assert.Equal(Math.Max(node.Interval.End.Value, Math.Max(leftEnd, rightEnd)), node.SubtreeEnd);
        return (node.Height, node.SubtreeEnd);
    }
}
