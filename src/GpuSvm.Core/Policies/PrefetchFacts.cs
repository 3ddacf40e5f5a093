// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a prefetch policy is told about a fault in a block of pages.</summary>
/// <param name="page">The faulting page's number in the block.</param>
/// <param name="pages">The block's pages, 1 to 512.</param>
/// <param name="resident">Bit i: page i is at the destination, or another fault is bringing it. At least as many bits as pages; those behind are not looked at.</param>
/// <param name="toPreferredLocation">Whether the destination is where the program would rather have the pages.</param>
/// <param name="block">The block's number: the next one's is one more.</param>
public readonly ref struct PrefetchFacts(int page, int pages, ReadOnlySpan<ulong> resident, bool toPreferredLocation = false, long block = 0)
{
    /// <summary>The block's number in its address space, from 0; the next block's is one more.</summary>
    public long Block { get; } = block;

    /// <summary>The faulting page's number in the block.</summary>
    public int Page { get; } = page;

    /// <summary>The block's pages, 1 to 512.</summary>
    public int Pages { get; } = pages;

    /// <summary>Bit i: page i is at the destination, or on its way there.</summary>
    public ReadOnlySpan<ulong> Resident { get; } = resident;

    /// <summary>Whether the destination is where the program would rather have the pages.</summary>
    public bool ToPreferredLocation { get; } = toPreferredLocation;
}
