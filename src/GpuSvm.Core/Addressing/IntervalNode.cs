// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>What an object must carry to be kept in an <see cref="IntervalTree{T}"/>: the links are inside the object, so inserting allocates nothing.</summary>
/// <typeparam name="T">The object's own type.</typeparam>
public abstract class IntervalNode<T>
    where T : IntervalNode<T>
{
    /// <summary>The object's interval; it must not change while the object is in a tree.</summary>
    public AddressRange Interval { get; protected set; }

    /// <summary>The next object in order of start, or null. Guarded by whatever guards the tree.</summary>
    public T? Next { get; internal set; }

    /// <summary>The previous object in order of start, or null. Guarded by whatever guards the tree.</summary>
    public T? Previous { get; internal set; }

    /// <summary>The subtree of objects before this one.</summary>
    internal T? Left { get; set; }

    /// <summary>The subtree of objects after this one.</summary>
    internal T? Right { get; set; }

    /// <summary>The largest end in this subtree.</summary>
    internal VirtualAddress SubtreeEnd { get; set; }

    /// <summary>The treap's heap key: random, larger is nearer the root.</summary>
    internal uint Priority { get; set; }

    /// <summary>Whether the object is in a tree.</summary>
    internal bool IsLinked { get; set; }
}
