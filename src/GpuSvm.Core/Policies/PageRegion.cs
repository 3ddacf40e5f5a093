// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Pages of a block that follow each other, counted from the block's first.</summary>
/// <param name="First">The first page's number.</param>
/// <param name="Pages">How many, at least 1.</param>
public readonly record struct PageRegion(int First, int Pages)
{
    /// <summary>The number of the page after the last.</summary>
    public int End => First + Pages;

    /// <summary>The aligned group of pages around a page, as far as it lies in the block.</summary>
    /// <param name="page">The page.</param>
    /// <param name="order">log2 of the group's pages.</param>
    /// <param name="blockPages">The block's pages.</param>
    /// <returns>The group; shorter at the end of a block that is no multiple of it.</returns>
    public static PageRegion Around(int page, int order, int blockPages)
    {
        int first = page >> order << order;
        return new PageRegion(first, Math.Min(1 << order, blockPages - first));
    }
}
