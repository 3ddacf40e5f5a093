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
        public readonly PageEntry[] Entries = new PageEntry[PageSize.PagesPerHuge];

        /// <summary>How many of them are not the default.</summary>
        public int Used;
    }

    /// <summary>The number of pages that have an entry.</summary>
    public long Count { get; private set; }

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

    /// <summary>Sets the entry of a page; the default forgets it.</summary>
    /// <param name="pageNumber">The page.</param>
    /// <param name="entry">The entry.</param>
    public void Set(ulong pageNumber, PageEntry entry)
    {
        ulong key = pageNumber >> 9;
        if (!_blocks.TryGetValue(key, out Block? block))
        {
            if (entry.Bits == 0)
                return;
            block = _free.Count > 0 ? _free.Pop() : new Block();
            _blocks.Add(key, block);
        }

        ref PageEntry slot = ref block.Entries[pageNumber & 511];
        int change = (entry.Bits != 0 ? 1 : 0) - (slot.Bits != 0 ? 1 : 0);
        slot = entry;
        block.Used += change;
        Count += change;
        if (block.Used == 0)
        {
            _blocks.Remove(key);
            _free.Push(block);
        }
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
                pageNumber = (pageNumber | 511) + 1;
                continue;
            }

            if (block.Entries[pageNumber & 511].Bits != 0)
                return pageNumber;
            pageNumber++;
        }

        return limit;
    }
}
