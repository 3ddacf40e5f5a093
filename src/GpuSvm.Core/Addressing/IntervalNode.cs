// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>What an object must carry to be kept in an <see cref="IntervalTree{T}"/>: the links are inside the object, so inserting allocates nothing.</summary>
/// <typeparam name="T">The object's own type.</typeparam>
/// <remarks>
/// 49 bytes: three links, the interval, the subtree's end, a height. The plain integers let the runtime lay a derived type's small fields into the rest of the
/// last word. All of it is guarded by whatever guards the tree.
/// </remarks>
public abstract class IntervalNode<T>
    where T : IntervalNode<T>
{
    private ulong _start; // Constant while in a tree.
    private ulong _end; // Constant while in a tree.
    private ulong _subtreeEnd; // Guarded by whatever guards the tree.

    /// <summary>The object's interval; it must not change while the object is in a tree.</summary>
    public AddressRange Interval
    {
        get => new(new VirtualAddress(_start), new VirtualAddress(_end));
        protected set => (_start, _end) = (value.Start.Value, value.End.Value);
    }

    /// <summary>Whether the object is in a tree. Guarded by whatever guards the tree.</summary>
    public bool IsLinked => Height != 0;

    /// <summary>The next object in order of start, or null. Guarded by whatever guards the tree. At most logarithmic, on average two steps.</summary>
    public T? Next
    {
        get
        {
            if (Right is { } right)
                return right.Leftmost();
            IntervalNode<T> node = this;
            T? above = Parent;
            for (; above is not null && ReferenceEquals(above.Right, node); above = above.Parent)
                node = above;
            return above;
        }
    }

    /// <summary>The previous object in order of start, or null. Guarded by whatever guards the tree. At most logarithmic, on average two steps.</summary>
    public T? Previous
    {
        get
        {
            if (Left is { } left)
                return left.Rightmost();
            IntervalNode<T> node = this;
            T? above = Parent;
            for (; above is not null && ReferenceEquals(above.Left, node); above = above.Parent)
                node = above;
            return above;
        }
    }

    /// <summary>The subtree of objects before this one. Guarded by whatever guards the tree.</summary>
    internal T? Left { get; set; }

    /// <summary>The subtree of objects after this one. Guarded by whatever guards the tree.</summary>
    internal T? Right { get; set; }

    /// <summary>The object whose child this one is; null at the root. Guarded by whatever guards the tree.</summary>
    internal T? Parent { get; set; }

    /// <summary>The interval's start as a number.</summary>
    internal ulong Start => _start;

    /// <summary>The interval's end as a number.</summary>
    internal ulong End => _end;

    /// <summary>The largest end in this subtree, as a number. Guarded by whatever guards the tree.</summary>
    internal ulong SubtreeEnd
    {
        get => _subtreeEnd;
        set => _subtreeEnd = value;
    }

    /// <summary>The number of levels of this subtree; 0 while the object is in no tree. Guarded by whatever guards the tree.</summary>
    internal byte Height { get; set; }

    /// <summary>The first object of this subtree.</summary>
    /// <returns>The object; this one if nothing is before it.</returns>
    internal T Leftmost()
    {
        var node = (T)this;
        while (node.Left is { } left)
            node = left;
        return node;
    }

    /// <summary>The last object of this subtree.</summary>
    /// <returns>The object; this one if nothing is after it.</returns>
    internal T Rightmost()
    {
        var node = (T)this;
        while (node.Right is { } right)
            node = right;
        return node;
    }
}
