// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>Objects in the order in which they were added, oldest first; any of them is removed in constant time.</summary>
/// <typeparam name="T">What is listed.</typeparam>
/// <remarks>Locking: the owner's. An object is in one list at a time.</remarks>
internal sealed class AgeList<T>
    where T : class, IAged<T>
{
    /// <summary>The one that was added first; null if there is none. Follow <see cref="IAged{T}.Newer"/>.</summary>
    public T? Oldest { get; private set; }

    /// <summary>The one that was added last.</summary>
    public T? Newest { get; private set; }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds one at the newest end.</summary>
    /// <param name="item">One that is in no list.</param>
    public void Add(T item)
    {
        item.Older = Newest;
        item.Newer = null;
        if (Newest is null)
            Oldest = item;
        else
            Newest.Newer = item;
        Newest = item;
        Count++;
    }

    /// <summary>Removes one.</summary>
    /// <param name="item">One that is in this list.</param>
    public void Remove(T item)
    {
        if (item.Older is { } older)
            older.Newer = item.Newer;
        else
            Oldest = item.Newer;
        if (item.Newer is { } newer)
            newer.Older = item.Older;
        else
            Newest = item.Older;
        item.Older = item.Newer = null;
        Count--;
    }
}
