// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>
/// An ordered set of intervals that answers "which is the first that overlaps this one" in logarithmic time, and keeps its objects in a linked list by
/// start as well. Intervals may overlap each other. A treap whose subtrees know their largest end; objects carry the links, so nothing is allocated.
/// </summary>
/// <typeparam name="T">The objects kept.</typeparam>
/// <remarks>Not thread-safe: every tree names the lock that guards it.</remarks>
public sealed class IntervalTree<T>
    where T : IntervalNode<T>
{
    private T? _root;
    private uint _seed = 2463534242;

    /// <summary>The number of objects.</summary>
    public int Count { get; private set; }

    /// <summary>The object with the lowest start, or null.</summary>
    public T? First { get; private set; }

    /// <summary>Adds an object.</summary>
    /// <param name="node">An object that is in no tree, with a non-empty interval.</param>
    public void Insert(T node)
    {
        if (node.IsLinked || node.Interval.IsEmpty)
            throw new InvalidOperationException("An interval node must be non-empty and in no tree when it is inserted.");
        _seed ^= _seed << 13;
        _seed ^= _seed >> 17;
        _seed ^= _seed << 5;
        node.Priority = _seed;
        node.Left = node.Right = null;
        node.SubtreeEnd = node.Interval.End;
        T? before = LastStartingAtOrBefore(node.Interval.Start);
        _root = InsertInto(_root, node);
        node.Previous = before;
        node.Next = before is null ? First : before.Next;
        if (before is null)
            First = node;
        else
            before.Next = node;
        if (node.Next is { } next)
            next.Previous = node;
        node.IsLinked = true;
        Count++;
    }

    /// <summary>Takes an object out.</summary>
    /// <param name="node">An object of this tree.</param>
    public void Remove(T node)
    {
        if (!node.IsLinked)
            throw new InvalidOperationException("The interval node is in no tree.");
        _root = RemoveFrom(_root, node);
        if (node.Previous is { } previous)
            previous.Next = node.Next;
        else
            First = node.Next;
        if (node.Next is { } next)
            next.Previous = node.Previous;
        node.Next = node.Previous = node.Left = node.Right = null;
        node.IsLinked = false;
        Count--;
    }

    /// <summary>Finds the first object, by start, that overlaps an interval. Follow <see cref="NextOverlap"/> from there.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The object, or null.</returns>
    public T? FindFirst(AddressRange interval)
    {
        T? node = _root;
        if (node is null || node.SubtreeEnd <= interval.Start)
            return null;
        while (true)
        {
            if (node.Left is { } left && left.SubtreeEnd > interval.Start)
            {
                node = left;
                continue;
            }

            if (node.Interval.Start >= interval.End)
                return null;
            if (node.Interval.End > interval.Start)
                return node;
            if (node.Right is not { } right || right.SubtreeEnd <= interval.Start)
                return null;
            node = right;
        }
    }

    /// <summary>Finds the object after one that overlaps the same interval.</summary>
    /// <param name="node">An object that <see cref="FindFirst"/> or this method gave.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The object, or null.</returns>
    public T? NextOverlap(T node, AddressRange interval)
    {
        System.Diagnostics.Debug.Assert(node.IsLinked && Count > 0, "The node is in this tree.");
        for (T? next = node.Next; next is not null && next.Interval.Start < interval.End; next = next.Next)
        {
            if (next.Interval.End > interval.Start)
                return next;
        }

        return null;
    }

    /// <summary>Finds the first object that holds an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The object, or null.</returns>
    public T? Find(VirtualAddress address) => FindFirst(AddressRange.OfBytes(address, 1));

    /// <summary>Finds the last object that starts at or before an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The object, or null.</returns>
    private T? LastStartingAtOrBefore(VirtualAddress address)
    {
        T? best = null;
        for (T? node = _root; node is not null;)
        {
            if (node.Interval.Start <= address)
            {
                best = node;
                node = node.Right;
            }
            else
            {
                node = node.Left;
            }
        }

        return best;
    }

    /// <summary>Inserts into a subtree; equal starts go after those already there.</summary>
    /// <param name="root">The subtree.</param>
    /// <param name="node">The new object.</param>
    /// <returns>The subtree's new root.</returns>
    private static T InsertInto(T? root, T node)
    {
        if (root is null)
            return node;
        if (node.Priority > root.Priority)
        {
            (node.Left, node.Right) = Split(root, node.Interval.Start);
            return Update(node);
        }

        if (node.Interval.Start < root.Interval.Start)
            root.Left = InsertInto(root.Left, node);
        else
            root.Right = InsertInto(root.Right, node);
        return Update(root);
    }

    /// <summary>Removes from a subtree.</summary>
    /// <param name="root">The subtree.</param>
    /// <param name="node">The object to remove.</param>
    /// <returns>The subtree's new root.</returns>
    private static T? RemoveFrom(T? root, T node)
    {
        if (root is null)
            return null;
        if (ReferenceEquals(root, node))
            return Merge(root.Left, root.Right);
        // Equal starts can lie on either side of each other after merges: look right first, then left.
        if (node.Interval.Start < root.Interval.Start)
            root.Left = RemoveFrom(root.Left, node);
        else if (node.Interval.Start > root.Interval.Start)
            root.Right = RemoveFrom(root.Right, node);
        else
            (root.Left, root.Right) = (RemoveFrom(root.Left, node), RemoveFrom(root.Right, node));
        return Update(root);
    }

    /// <summary>Splits a subtree into what starts at or before an address and what starts after it.</summary>
    /// <param name="root">The subtree.</param>
    /// <param name="address">The address.</param>
    /// <returns>The two subtrees.</returns>
    private static (T? Low, T? High) Split(T? root, VirtualAddress address)
    {
        if (root is null)
            return (null, null);
        if (root.Interval.Start <= address)
        {
            (T? low, T? high) = Split(root.Right, address);
            root.Right = low;
            return (Update(root), high);
        }
        else
        {
            (T? low, T? high) = Split(root.Left, address);
            root.Left = high;
            return (low, Update(root));
        }
    }

    /// <summary>Joins two subtrees, all of the first being before all of the second.</summary>
    /// <param name="low">The first.</param>
    /// <param name="high">The second.</param>
    /// <returns>The joined subtree.</returns>
    private static T? Merge(T? low, T? high)
    {
        if (low is null)
            return high;
        if (high is null)
            return low;
        if (low.Priority > high.Priority)
        {
            low.Right = Merge(low.Right, high);
            return Update(low);
        }

        high.Left = Merge(low, high.Left);
        return Update(high);
    }

    /// <summary>Recomputes a node's largest end from its children.</summary>
    /// <param name="node">The node.</param>
    /// <returns>The same node.</returns>
    private static T Update(T node)
    {
        VirtualAddress end = node.Interval.End;
        if (node.Left is { } left && left.SubtreeEnd > end)
            end = left.SubtreeEnd;
        if (node.Right is { } right && right.SubtreeEnd > end)
            end = right.SubtreeEnd;
        node.SubtreeEnd = end;
        return node;
    }
}
