// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>
/// A walk over an interval in parts that follow each other without a gap, used and hole in turn; used with foreach. Objects that overlap or touch make one used
/// part. Kernel: interval_tree_span_iter.
/// </summary>
/// <typeparam name="T">The tree's objects.</typeparam>
/// <remarks>The tree must not change during the walk, except that holes already given may be filled.</remarks>
public ref struct IntervalSpans<T>
    where T : IntervalNode<T>
{
    private readonly IntervalTree<T> _tree;
    private readonly AddressRange _interval;
    private T? _next; // The first object that is not yet given.
    private VirtualAddress _at; // Where the next part begins.

    /// <summary>Makes a walk.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="interval">The interval.</param>
    internal IntervalSpans(IntervalTree<T> tree, AddressRange interval)
    {
        _tree = tree;
        _interval = interval;
        _next = tree.FindFirst(interval);
        _at = interval.Start;
    }

    /// <summary>The part the walk is at.</summary>
    public IntervalSpan<T> Current { get; private set; }

    /// <summary>The walk itself, for foreach.</summary>
    /// <returns>A copy that has not moved.</returns>
    public readonly IntervalSpans<T> GetEnumerator() => this;

    /// <summary>Goes to the next part.</summary>
    /// <returns>False at the end.</returns>
    public bool MoveNext()
    {
        if (_at >= _interval.End)
            return false;
        VirtualAddress end = _interval.End;
        T? first = null;
        if (_next is null || _next.Interval.Start > _at)
        {
            if (_next is { } next && next.Interval.Start < end)
                end = next.Interval.Start;
        }
        else
        {
            first = _next;
            VirtualAddress used = first.Interval.End;
            for (_next = _tree.NextOverlap(first, _interval); _next is { } next && next.Interval.Start <= used; _next = _tree.NextOverlap(next, _interval))
                used = next.Interval.End > used ? next.Interval.End : used;
            if (used < end)
                end = used;
        }

        Current = new IntervalSpan<T>(new AddressRange(_at, end), first);
        _at = end;
        return true;
    }
}
