// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>
/// The sparse table of <see cref="PageEntry"/>: one block of 512 entries for each 2 MiB in which some page is not simply the host's. Blocks are recycled,
/// so a warm table allocates nothing.
/// </summary>
/// <remarks>Not thread-safe: guarded by <see cref="HostAddressSpace"/>'s page-state lock.</remarks>
internal sealed class PageTable
{
    private readonly Dictionary<ulong, Block> _blocks = [];
    private readonly Stack<Block> _free = new();

    /// <summary>Entries that say something, for 2 MiB of addresses.</summary>
    internal sealed class Block
    {
        /// <summary>The entries, by page.</summary>
        public PageEntry[] Entries { get; } = new PageEntry[PageSize.PagesPerHuge];

        /// <summary>How many of them are not the default.</summary>
        public int Used { get; private set; }

        /// <summary>Sets an entry.</summary>
        /// <param name="index">The page's index in the block.</param>
        /// <param name="entry">The entry.</param>
        public void Set(int index, PageEntry entry)
        {
            ref PageEntry slot = ref Entries[index];
            Used += (entry.Bits != 0 ? 1 : 0) - (slot.Bits != 0 ? 1 : 0);
            slot = entry;
        }
    }

    /// <summary>The number of pages that have an entry.</summary>
    public long Count
    {
        get
        {
            long count = 0;
            foreach (Block block in _blocks.Values)
                count += block.Used;
            return count;
        }
    }

    /// <summary>The entry of a page.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <returns>The entry; the default if nothing is known.</returns>
    public PageEntry Get(ulong pageNumber) =>
        _blocks.TryGetValue(pageNumber >> 9, out Block? block) ? block.Entries[pageNumber & 511] : default;

    /// <summary>Copies the entries of a run of pages.</summary>
    /// <param name="pageNumber">The first page.</param>
    /// <param name="entries">Where to, one a page.</param>
    /// <returns>True if any of them is not the default.</returns>
    public bool CopyTo(ulong pageNumber, Span<PageEntry> entries)
    {
        bool any = false;
        for (int done = 0; done < entries.Length;)
        {
            int offset = (int)((pageNumber + (ulong)done) & 511);
            int run = Math.Min(entries.Length - done, PageSize.PagesPerHuge - offset);
            if (_blocks.TryGetValue((pageNumber + (ulong)done) >> 9, out Block? block))
            {
                block.Entries.AsSpan(offset, run).CopyTo(entries.Slice(done, run));
                any = true;
            }
            else
            {
                entries.Slice(done, run).Clear();
            }

            done += run;
        }

        return any;
    }

    /// <summary>Opens the 2 MiB block of a page for changes; end with <see cref="Close"/>.</summary>
    /// <param name="pageNumber">Any page of the block.</param>
    /// <returns>The block.</returns>
    public Block Open(ulong pageNumber)
    {
        if (_blocks.TryGetValue(pageNumber >> 9, out Block? block))
            return block;
        block = _free.Count > 0 ? _free.Pop() : new Block();
        _blocks.Add(pageNumber >> 9, block);
        return block;
    }

    /// <summary>Ends changes to a block; one without entries is recycled.</summary>
    /// <param name="pageNumber">Any page of the block.</param>
    /// <param name="block">The block.</param>
    public void Close(ulong pageNumber, Block block)
    {
        if (block.Used != 0)
            return;
        _blocks.Remove(pageNumber >> 9);
        _free.Push(block);
    }

    /// <summary>Sets the entry of a page; the default forgets it.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <param name="entry">The entry.</param>
    public void Set(ulong pageNumber, PageEntry entry)
    {
        Block block = Open(pageNumber);
        block.Set((int)(pageNumber & 511), entry);
        Close(pageNumber, block);
    }

    /// <summary>The first page at or after one, below a limit, that has an entry.</summary>
    /// <param name="pageNumber">Where to begin.</param>
    /// <param name="limit">Where to stop.</param>
    /// <returns>The page, or the limit if there is none.</returns>
    public ulong FindNext(ulong pageNumber, ulong limit)
    {
        while (pageNumber < limit)
        {
            if (!_blocks.TryGetValue(pageNumber >> 9, out Block? block))
            {
                pageNumber = NextBlock(pageNumber >> 9, limit) << 9;
                continue;
            }

            ulong end = Math.Min(limit, (pageNumber | 511) + 1);
            for (; pageNumber < end; pageNumber++)
            {
                if (block.Entries[pageNumber & 511].Bits != 0)
                    return pageNumber;
            }
        }

        return limit;
    }

    /// <summary>A block number above one, with no block in between: one step through a short interval, a look at all blocks where they are fewer than the steps.</summary>
    /// <param name="blockNumber">A block that is not there.</param>
    /// <param name="limit">The page to stop at.</param>
    /// <returns>The number; at or above the limit's block if there is none.</returns>
    private ulong NextBlock(ulong blockNumber, ulong limit)
    {
        ulong end = (limit + 511) >> 9;
        if (end - blockNumber <= (ulong)_blocks.Count + 1)
            return blockNumber + 1;
        ulong next = end;
        foreach (ulong candidate in _blocks.Keys)
        {
            if (candidate > blockNumber && candidate < next)
                next = candidate;
        }

        return next;
    }
}
