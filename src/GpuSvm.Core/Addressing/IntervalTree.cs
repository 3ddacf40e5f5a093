// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>
/// An ordered set of intervals that answers "which is the first that overlaps this one" in logarithmic time. Intervals may overlap each other and may begin
/// at the same address; those that do stay in the order in which they came.
/// </summary>
/// <typeparam name="T">The objects kept.</typeparam>
/// <remarks>
/// A height-balanced search tree by start, each of whose subtrees knows its largest end. Objects carry the links, parents included, so nothing is allocated, an
/// object is removed without being searched for, and no step recurses. With n objects no operation takes more than about 1.44 log2(n) levels down and as
/// many up, whatever the starts are and in whatever order they come; the shape follows from the calls alone.
///
/// What the callers need of the kernel's trees: FindFirst and NextOverlap are interval_tree_iter_first and _next; <see cref="Overlapping"/> is the walk that survives the
/// removal of what it gives (drm_gpusvm_for_each_range_safe) and can begin at a cursor; <see cref="Spans"/> is the walk over used parts and holes
/// (interval_tree_span_iter); <see cref="Replace"/> cuts or widens an object in its place.
///
/// Not thread-safe: every tree names the lock that guards it.
/// </remarks>
public sealed class IntervalTree<T>
    where T : IntervalNode<T>
{
    private T? _root; // Guarded by whatever guards the tree.

    /// <summary>The number of objects. Guarded by whatever guards the tree.</summary>
    public int Count { get; private set; }

    /// <summary>The object with the lowest start, or null.</summary>
    public T? First => _root?.Leftmost();

    /// <summary>The object with the highest start, or null.</summary>
    public T? Last => _root?.Rightmost();

    /// <summary>The object at the top, for those who check the tree's shape.</summary>
    internal T? Root => _root;

    /// <summary>Adds an object.</summary>
    /// <param name="node">An object that is in no tree, with a non-empty interval.</param>
    /// <exception cref="InvalidOperationException">It is in a tree, or empty.</exception>
    public void Insert(T node)
    {
        CheckNew(node);
        T? parent = null;
        bool isLeft = false;
        for (T? at = _root; at is not null;)
        {
            parent = at;
            if (at.SubtreeEnd < node.End)
                at.SubtreeEnd = node.End;
            isLeft = node.Start < at.Start; // Equal starts go after those already there.
            at = isLeft ? at.Left : at.Right;
        }

        node.Parent = parent;
        node.SubtreeEnd = node.End;
        node.Height = 1;
        if (parent is null)
            _root = node;
        else if (isLeft)
            parent.Left = node;
        else
            parent.Right = node;
        Rebalance(parent);
        Count++;
    }

    /// <summary>Takes an object out.</summary>
    /// <param name="node">An object of this tree.</param>
    /// <exception cref="InvalidOperationException">It is in no tree.</exception>
    public void Remove(T node)
    {
        CheckLinked(node);
        T? lowest; // Below here nothing has changed.
        if (node.Left is null || node.Right is null)
        {
            lowest = node.Parent;
            PutInPlace(node, node.Left ?? node.Right);
            FixEnds(lowest);
        }
        else
        {
            T next = node.Right.Leftmost();
            lowest = next;
            if (!ReferenceEquals(next.Parent, node))
            {
                lowest = next.Parent!;
                PutInPlace(next, next.Right);
                Adopt(next, node.Right, isLeft: false);
            }

            Adopt(next, node.Left, isLeft: true);
            PutInPlace(node, next);
            next.Height = node.Height;
            next.SubtreeEnd = node.SubtreeEnd;
            FixEnds(lowest);
            FixEnds(next); // The climb from below may have stopped before it.
        }

        Rebalance(lowest);
        Unlink(node);
        Count--;
    }

    /// <summary>Puts an object in the place of another: same neighbours, other interval. With <see cref="Insert"/> of the rest this splits an object.</summary>
    /// <param name="node">An object of this tree; it is in no tree afterwards.</param>
    /// <param name="replacement">An object that is in no tree; it must start neither before the previous object nor after the next.</param>
    /// <exception cref="InvalidOperationException">One of these is not so.</exception>
    public void Replace(T node, T replacement)
    {
        CheckLinked(node);
        CheckNew(replacement);
        if (node.Previous is { } previous && previous.Start > replacement.Start || node.Next is { } next && next.Start < replacement.Start)
            throw new InvalidOperationException($"The interval node {replacement.Interval} would not be in order in the place of {node.Interval}.");
        Adopt(replacement, node.Left, isLeft: true);
        Adopt(replacement, node.Right, isLeft: false);
        PutInPlace(node, replacement);
        replacement.Height = node.Height;
        replacement.SubtreeEnd = node.SubtreeEnd;
        FixEnds(replacement);
        Unlink(node);
    }

    /// <summary>Finds the first object, by start, that overlaps an interval. Follow <see cref="NextOverlap"/> from there.</summary>
    /// <param name="interval">The interval; one without an end in reach finds the first object that ends above its start.</param>
    /// <returns>The object, or null.</returns>
    public T? FindFirst(AddressRange interval) =>
        _root is { } root && root.SubtreeEnd > interval.Start.Value ? FirstIn(root, interval.Start.Value, interval.End.Value) : null;

    /// <summary>Finds the object after one that overlaps the same interval.</summary>
    /// <param name="node">An object that <see cref="FindFirst"/> or this method gave, still in the tree.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The object, or null.</returns>
    public T? NextOverlap(T node, AddressRange interval)
    {
        System.Diagnostics.Debug.Assert(node.IsLinked && Count > 0, "The node is in this tree.");
        (ulong start, ulong end) = (interval.Start.Value, interval.End.Value);
        if (node.Right is { } right && right.SubtreeEnd > start)
            return FirstIn(right, start, end);
        for (T? above = node.Parent; above is not null; (node, above) = (above, above.Parent))
        {
            if (ReferenceEquals(above.Right, node))
                continue; // All of it comes before.
            if (above.Start >= end)
                return null;
            if (above.End > start)
                return above;
            if (above.Right is { } later && later.SubtreeEnd > start)
                return FirstIn(later, start, end);
        }

        return null;
    }

    /// <summary>Finds the last object, by start, that overlaps an interval.</summary>
    /// <param name="interval">The interval; one that begins at 0 finds the last object that starts below its end.</param>
    /// <returns>The object, or null.</returns>
    public T? FindLast(AddressRange interval)
    {
        (ulong start, ulong end) = (interval.Start.Value, interval.End.Value);
        T? node = LastStartingBelow(end);
        while (node is not null)
        {
            if (node.End > start)
                return node;
            if (node.Left is { } left && left.SubtreeEnd > start)
                return LastEndingAbove(left, start);
            T? above = node.Parent;
            for (; above is not null && ReferenceEquals(above.Left, node); above = above.Parent)
                node = above;
            node = above;
        }

        return null;
    }

    /// <summary>Finds the first object that holds an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The object, or null.</returns>
    public T? Find(VirtualAddress address) => FindFirst(AddressRange.OfBytes(address, 1));

    /// <summary>Walks the objects that overlap an interval, by start. The object just given may be removed or replaced.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="from">Where to go on: an object of this tree, which is given first; null to begin at the first.</param>
    /// <returns>The walk.</returns>
    public IntervalWalk<T> Overlapping(AddressRange interval, T? from = null) => new(this, interval, from);

    /// <summary>Walks an interval as an unbroken sequence of parts: where objects are, and where none is.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The walk.</returns>
    public IntervalSpans<T> Spans(AddressRange interval) => new(this, interval);

    /// <summary>Finds the first object of a subtree that ends above a start, if it begins below an end.</summary>
    /// <param name="node">The subtree; its largest end is above the start.</param>
    /// <param name="start">The start.</param>
    /// <param name="end">The end.</param>
    /// <returns>The object, or null; then no later one overlaps either.</returns>
    private static T? FirstIn(T node, ulong start, ulong end)
    {
        while (true)
        {
            if (node.Left is { } left && left.SubtreeEnd > start)
                node = left;
            else if (node.End > start)
                return node.Start < end ? node : null;
            else
                node = node.Right!; // Somebody ends above the start, and nobody else is left.
        }
    }

    /// <summary>Finds the last object that starts below an address.</summary>
    /// <param name="end">The address.</param>
    /// <returns>The object, or null.</returns>
    private T? LastStartingBelow(ulong end)
    {
        T? best = null;
        for (T? node = _root; node is not null;)
        {
            if (node.Start < end)
                (best, node) = (node, node.Right);
            else
                node = node.Left;
        }

        return best;
    }

    /// <summary>Finds the last object of a subtree that ends above a start.</summary>
    /// <param name="node">The subtree; its largest end is above the start.</param>
    /// <param name="start">The start.</param>
    /// <returns>The object.</returns>
    private static T LastEndingAbove(T node, ulong start)
    {
        while (true)
        {
            if (node.Right is { } right && right.SubtreeEnd > start)
                node = right;
            else if (node.End > start)
                return node;
            else
                node = node.Left!; // As in FirstIn.
        }
    }

    /// <summary>Restores the balance from an object upward, until a subtree's height turns out as it was.</summary>
    /// <param name="node">The lowest object below which a height has changed by one; null for none.</param>
    private void Rebalance(T? node)
    {
        while (node is not null)
        {
            int before = node.Height;
            int left = HeightOf(node.Left);
            int right = HeightOf(node.Right);
            if (left > right + 1)
            {
                T child = node.Left!;
                if (HeightOf(child.Left) < HeightOf(child.Right))
                    RotateUp(child.Right!);
                node = RotateUp(node.Left!);
            }
            else if (right > left + 1)
            {
                T child = node.Right!;
                if (HeightOf(child.Right) < HeightOf(child.Left))
                    RotateUp(child.Left!);
                node = RotateUp(node.Right!);
            }
            else
            {
                node.Height = (byte)(Math.Max(left, right) + 1);
            }

            if (node.Height == before)
                return;
            node = node.Parent;
        }
    }

    /// <summary>Swaps an object with its parent, keeping the order.</summary>
    /// <param name="node">An object that has a parent.</param>
    /// <returns>The same object.</returns>
    private T RotateUp(T node)
    {
        T parent = node.Parent!;
        bool isLeft = ReferenceEquals(parent.Left, node);
        T? middle = isLeft ? node.Right : node.Left;
        PutInPlace(parent, node);
        Adopt(parent, middle, isLeft);
        Adopt(node, parent, !isLeft);
        node.SubtreeEnd = parent.SubtreeEnd;
        parent.SubtreeEnd = EndOf(parent);
        parent.Height = (byte)(Math.Max(HeightOf(parent.Left), HeightOf(parent.Right)) + 1);
        node.Height = (byte)(Math.Max(HeightOf(node.Left), HeightOf(node.Right)) + 1);
        return node;
    }

    /// <summary>Recomputes the largest ends from an object upward, until one turns out as it was.</summary>
    /// <param name="node">The lowest object whose subtree has changed; null for none.</param>
    private static void FixEnds(T? node)
    {
        for (; node is not null; node = node.Parent)
        {
            ulong end = EndOf(node);
            if (node.SubtreeEnd == end)
                return;
            node.SubtreeEnd = end;
        }
    }

    /// <summary>Lets what is above an object lead to another, or to none; the object's own links stay.</summary>
    /// <param name="node">The object.</param>
    /// <param name="other">What takes its place below its parent.</param>
    private void PutInPlace(T node, T? other)
    {
        T? parent = node.Parent;
        if (other is not null)
            other.Parent = parent;
        if (parent is null)
            _root = other;
        else if (ReferenceEquals(parent.Left, node))
            parent.Left = other;
        else
            parent.Right = other;
    }

    /// <summary>Makes an object the child of another.</summary>
    /// <param name="parent">The parent.</param>
    /// <param name="child">The child, or null.</param>
    /// <param name="isLeft">On which side.</param>
    private static void Adopt(T parent, T? child, bool isLeft)
    {
        if (isLeft)
            parent.Left = child;
        else
            parent.Right = child;
        if (child is not null)
            child.Parent = parent;
    }

    /// <summary>Clears an object's links.</summary>
    /// <param name="node">An object that nothing leads to any more.</param>
    private static void Unlink(T node)
    {
        node.Left = node.Right = node.Parent = null;
        node.Height = 0;
    }

    /// <summary>A subtree's height.</summary>
    /// <param name="node">The subtree.</param>
    /// <returns>Levels; 0 for none.</returns>
    private static int HeightOf(T? node) => node is null ? 0 : node.Height;

    /// <summary>The largest end of an object and what is below it.</summary>
    /// <param name="node">The object; its children's ends are right.</param>
    /// <returns>The end.</returns>
    private static ulong EndOf(T node)
    {
        ulong end = node.End;
        if (node.Left is { } left && left.SubtreeEnd > end)
            end = left.SubtreeEnd;
        if (node.Right is { } right && right.SubtreeEnd > end)
            end = right.SubtreeEnd;
        return end;
    }

    /// <summary>Refuses an object that may not be put into a tree.</summary>
    /// <param name="node">The object.</param>
    private static void CheckNew(T node)
    {
        if (node.IsLinked || node.Start >= node.End)
            throw new InvalidOperationException("An interval node must be non-empty and in no tree when it is inserted.");
    }

    /// <summary>Refuses an object that is in no tree.</summary>
    /// <param name="node">The object.</param>
    private static void CheckLinked(T node)
    {
        if (!node.IsLinked)
            throw new InvalidOperationException("The interval node is in no tree.");
    }
}
