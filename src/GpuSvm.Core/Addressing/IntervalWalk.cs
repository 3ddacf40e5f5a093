// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>
/// A walk over the objects of an <see cref="IntervalTree{T}"/> that overlap an interval, by start; used with foreach. It has found the next object before it gives
/// one, so the one given may be removed, replaced or split; the next may not. Kernel: drm_gpusvm_for_each_range_safe.
/// </summary>
/// <typeparam name="T">The objects.</typeparam>
public ref struct IntervalWalk<T>
    where T : IntervalNode<T>
{
    private readonly IntervalTree<T> _tree;
    private readonly AddressRange _interval;
    private T? _next;

    /// <summary>Makes a walk.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="from">The object to give first, or null for the first that overlaps.</param>
    internal IntervalWalk(IntervalTree<T> tree, AddressRange interval, T? from)
    {
        _tree = tree;
        _interval = interval;
        _next = from ?? tree.FindFirst(interval);
        Current = null!;
    }

    /// <summary>The object the walk is at.</summary>
    public T Current { get; private set; }

    /// <summary>The walk itself, for foreach.</summary>
    /// <returns>A copy that has not moved.</returns>
    public readonly IntervalWalk<T> GetEnumerator() => this;

    /// <summary>Goes to the next object.</summary>
    /// <returns>False at the end.</returns>
    public bool MoveNext()
    {
        if (_next is not { } current)
            return false;
        Current = current;
        _next = _tree.NextOverlap(current, _interval);
        return true;
    }
}
