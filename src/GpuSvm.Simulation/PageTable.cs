// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>The simulated CPU's page table: sparse, two levels. It knows pages, not mappings.</summary>
/// <remarks>Locking: none; guarded by the memory's lock.</remarks>
internal sealed class PageTable
{
    // By page number / 512. Sorted, so that walks over it are deterministic.
    private readonly SortedDictionary<ulong, PageTableBlock> _blocks = [];

    // The block looked up last: walks go page by page. One reference, for several threads may look at once.
    private PageTableBlock? _lastBlock;

    /// <summary>All blocks that were ever touched, in address order, with the number of the first page of each.</summary>
    /// <returns>The blocks; do not change the table meanwhile.</returns>
    public IEnumerable<KeyValuePair<ulong, PageTableBlock>> Blocks => _blocks;

    /// <summary>Finds the block of a page.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>The block, or null if no page near was ever touched.</returns>
    public PageTableBlock? Find(ulong pageNumber)
    {
        ulong number = pageNumber / PageSize.PagesPerHuge;
        if (_lastBlock is { } last && last.Number == number)
            return last;
        if (!_blocks.TryGetValue(number, out PageTableBlock? block))
            return null;
        _lastBlock = block;
        return block;
    }

    /// <summary>Finds or makes the block of a page.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>The block.</returns>
    public PageTableBlock FindOrAdd(ulong pageNumber)
    {
        if (Find(pageNumber) is { } found)
            return found;
        var block = new PageTableBlock(pageNumber / PageSize.PagesPerHuge);
        _blocks.Add(block.Number, block);
        return block;
    }

    /// <summary>What the table says of a page.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>A copy of the entry; an absent one if the page was never touched.</returns>
    public PageEntry Read(ulong pageNumber) => Find(pageNumber) is { } block ? block.Entries[pageNumber % PageSize.PagesPerHuge] : default;

    /// <summary>The entry of a page, to be changed as part of a whole-block change; <see cref="PageTableBlock.IsHuge"/> is the caller's.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>The entry.</returns>
    public ref PageEntry Entry(ulong pageNumber) => ref FindOrAdd(pageNumber).Entries[pageNumber % PageSize.PagesPerHuge];

    /// <summary>The entry of a page, to be changed by itself; a huge page around it is split.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>The entry.</returns>
    public ref PageEntry EntrySplit(ulong pageNumber)
    {
        PageTableBlock block = FindOrAdd(pageNumber);
        block.IsHuge = false;
        return ref block.Entries[pageNumber % PageSize.PagesPerHuge];
    }

    /// <summary>Splits the huge pages that an interval covers in part only, before a change of the interval.</summary>
    /// <param name="interval">The interval.</param>
    public void SplitEdges(AddressRange interval)
    {
        if (!interval.Start.IsAligned(PageOrder.Huge) && Find(interval.Start.PageNumber) is { } first)
            first.IsHuge = false;
        if (!interval.End.IsAligned(PageOrder.Huge) && Find(interval.End.PageNumber) is { } last)
            last.IsHuge = false;
    }

    /// <summary>Finds the next block that was ever touched, so that walks over large empty intervals are short.</summary>
    /// <param name="pageNumber">Where to start.</param>
    /// <param name="end">The page number to stop before.</param>
    /// <returns>The first page at or after the start that has a block; <paramref name="end"/> if there is none.</returns>
    public ulong SkipUntouched(ulong pageNumber, ulong end)
    {
        if (Find(pageNumber) is not null || pageNumber >= end)
            return Math.Min(pageNumber, end);
        ulong blocks = (end - pageNumber + PageSize.PagesPerHuge - 1) / PageSize.PagesPerHuge;
        if (blocks < (ulong)_blocks.Count)
            return Math.Min(end, (pageNumber / PageSize.PagesPerHuge + 1) * PageSize.PagesPerHuge);
        foreach (ulong number in _blocks.Keys)
        {
            ulong first = number * PageSize.PagesPerHuge;
            if (first > pageNumber)
                return Math.Min(first, end);
        }

        return end;
    }
}
