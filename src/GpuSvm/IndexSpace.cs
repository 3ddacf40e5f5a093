// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// What a launch runs over: the items of a row, a plane or a block, cut into groups. A kernel is called once for each group. At the far edges groups are cut off, so that
/// the groups cover every item once and nothing else.
/// </summary>
/// <remarks>
/// A managed kernel reaches shared memory by copying, so a group should be worth a copy: the default groups have 1024 items, which are 1024 in a row, 32 x 32, or 16 x 8 x 8.
/// </remarks>
public readonly record struct IndexSpace
{
    /// <summary>A space with groups of the default size.</summary>
    /// <param name="x">Items in a row, at least 1.</param>
    /// <param name="y">Rows in a layer, at least 1.</param>
    /// <param name="z">Layers, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1, or there are more items than can be counted.</exception>
    public IndexSpace(nint x, nint y = 1, nint z = 1)
        : this(new Extent3(x, y, z), z > 1 ? new Extent3(16, 8, 8) : y > 1 ? new Extent3(32, 32) : new Extent3(1024))
    {
    }

    /// <summary>A space with groups of a chosen size.</summary>
    /// <param name="size">Items in each direction, at least 1.</param>
    /// <param name="groupSize">Items of a group in each direction, at least 1; may be larger than the space.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1, or there are more items than can be counted.</exception>
    public IndexSpace(Extent3 size, Extent3 groupSize)
    {
        Check(size, nameof(size));
        Check(groupSize, nameof(groupSize));
        Size = size;
        GroupSize = groupSize;
        Groups = new Extent3(Cut(size.X, groupSize.X), Cut(size.Y, groupSize.Y), Cut(size.Z, groupSize.Z));
    }

    /// <summary>Items in each direction.</summary>
    public Extent3 Size { get; }

    /// <summary>Items of a whole group in each direction.</summary>
    public Extent3 GroupSize { get; }

    /// <summary>Groups in each direction.</summary>
    public Extent3 Groups { get; }

    /// <summary>The group with a number, counted along X first, then Y, then Z.</summary>
    /// <param name="number">0 to the count of <see cref="Groups"/> - 1.</param>
    /// <returns>The group: where it begins and how much of it lies inside.</returns>
    public WorkGroup GroupAt(nint number)
    {
        if ((nuint)number >= (nuint)Groups.Count)
            throw new ArgumentOutOfRangeException(nameof(number), number, $"There are {Groups.Count} groups.");
        (nint row, nint x) = Math.DivRem(number, Groups.X);
        (nint z, nint y) = Math.DivRem(row, Groups.Y);
        var start = new Index3(x * GroupSize.X, y * GroupSize.Y, z * GroupSize.Z);
        var size = new Extent3(Math.Min(GroupSize.X, Size.X - start.X), Math.Min(GroupSize.Y, Size.Y - start.Y), Math.Min(GroupSize.Z, Size.Z - start.Z));
        return new WorkGroup(new Index3(x, y, z), start, size);
    }

    /// <summary>Where an item lies in an array that holds one element for each item, row by row.</summary>
    /// <param name="item">The item; not checked.</param>
    /// <returns>The element's index.</returns>
    public nint OffsetOf(Index3 item) => (((item.Z * Size.Y) + item.Y) * Size.X) + item.X;

    /// <summary>How many groups cover so many items.</summary>
    /// <param name="items">At least 1.</param>
    /// <param name="each">At least 1.</param>
    /// <returns>The groups, the last one perhaps cut off.</returns>
    private static nint Cut(nint items, nint each) => ((items - 1) / each) + 1;

    /// <summary>Refuses what has no items, or too many.</summary>
    /// <param name="extent">The extent.</param>
    /// <param name="name">What it is.</param>
    private static void Check(Extent3 extent, string name)
    {
        if (extent.X < 1 || extent.Y < 1 || extent.Z < 1)
            throw new ArgumentOutOfRangeException(name, extent, "An index space has at least one item in each direction.");
        if (Math.BigMul((ulong)extent.X, (ulong)extent.Y, out ulong plane) != 0 || Math.BigMul(plane, (ulong)extent.Z, out ulong all) != 0 || all > (ulong)nint.MaxValue)
            throw new ArgumentOutOfRangeException(name, extent, $"An index space has at most {nint.MaxValue} items. Launch several times over parts.");
    }
}
