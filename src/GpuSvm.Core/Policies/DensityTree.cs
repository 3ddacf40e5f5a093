// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Core.Policies;

/// <summary>
/// A binary tree over the pages of a block that knows how many pages of each subtree are set in a bitmap. Level 0 is the root, the last level the pages; a subtree that
/// reaches beyond the block ends with it. Nothing is stored: counts are taken from the bitmap, a few words each.
/// </summary>
/// <param name="set">The bitmap; bits behind the block are not looked at.</param>
/// <param name="leaves">The block's pages, at least 1.</param>
public readonly ref struct DensityTree(ReadOnlySpan<ulong> set, int leaves)
{
    private readonly ReadOnlySpan<ulong> _set = set;
    private readonly int _leaves = leaves;

    /// <summary>The number of levels: 1 for one page, 10 for 512.</summary>
    public int Levels => BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)_leaves)) + 1;

    /// <summary>The number of subtrees at a level.</summary>
    /// <param name="level">0 to <see cref="Levels"/> - 1.</param>
    /// <returns>At least 1.</returns>
    public int NodesAt(int level) => (_leaves + (1 << OrderAt(level)) - 1) >> OrderAt(level);

    /// <summary>The subtree of a level that holds a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="level">0 to <see cref="Levels"/> - 1.</param>
    /// <returns>Its pages.</returns>
    public PageRegion Subtree(int page, int level) => PageRegion.Around(page, OrderAt(level), _leaves);

    /// <summary>How many pages of a region are set.</summary>
    /// <param name="region">A region of the block.</param>
    /// <returns>0 to its length.</returns>
    public int Count(PageRegion region)
    {
        int count = 0;
        for (int word = region.First >> 6; word << 6 < region.End; word++)
        {
            ulong bits = _set[word];
            int first = region.First - (word << 6);
            int behind = region.End - (word << 6);
            if (first > 0)
                bits &= ulong.MaxValue << first;
            if (behind < 64)
                bits &= ~(ulong.MaxValue << behind);
            count += BitOperations.PopCount(bits);
        }

        return count;
    }

    /// <summary>log2 of the pages of a whole subtree at a level.</summary>
    /// <param name="level">The level.</param>
    /// <returns>0 at the last level.</returns>
    private int OrderAt(int level) => Levels - 1 - level;
}
