// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Core.Addressing;

/// <summary>A power of two of base pages: order 0 is 4 KiB, 4 is 64 KiB, 9 is 2 MiB. Blocks of an order are aligned to their own size.</summary>
/// <param name="Value">log2 of the page count, 0 to 30.</param>
public readonly record struct PageOrder(byte Value) : IComparable<PageOrder>
{
    /// <summary>4 KiB.</summary>
    public static readonly PageOrder Small = new(0);

    /// <summary>64 KiB.</summary>
    public static readonly PageOrder Medium = new(4);

    /// <summary>2 MiB.</summary>
    public static readonly PageOrder Huge = new(9);

    /// <summary>Base pages in a block of this order.</summary>
    public int Pages => 1 << Value;

    /// <summary>Bytes in a block of this order.</summary>
    public long Bytes => (long)PageSize.Bytes << Value;

    /// <summary>The largest order whose block has at most so many pages.</summary>
    /// <param name="pages">Pages, at least 1.</param>
    /// <returns>floor(log2(pages)).</returns>
    public static PageOrder FloorOf(long pages) => new((byte)BitOperations.Log2((ulong)pages));

    /// <summary>The smallest order whose block has at least so many pages.</summary>
    /// <param name="pages">Pages, at least 1.</param>
    /// <returns>ceil(log2(pages)).</returns>
    public static PageOrder CeilingOf(long pages) => new((byte)(pages <= 1 ? 0 : BitOperations.Log2((ulong)(pages - 1)) + 1));

    /// <inheritdoc/>
    public int CompareTo(PageOrder other) => Value.CompareTo(other.Value);

    /// <summary>Order comparison by size.</summary>
    public static bool operator <(PageOrder left, PageOrder right) => left.Value < right.Value;

    /// <summary>Order comparison by size.</summary>
    public static bool operator >(PageOrder left, PageOrder right) => left.Value > right.Value;

    /// <summary>Order comparison by size.</summary>
    public static bool operator <=(PageOrder left, PageOrder right) => left.Value <= right.Value;

    /// <summary>Order comparison by size.</summary>
    public static bool operator >=(PageOrder left, PageOrder right) => left.Value >= right.Value;
}
