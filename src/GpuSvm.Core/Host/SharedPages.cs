// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>The pages in RAM that are only read for the time being, so that devices may have copies of them: before one is written, the copies must go.</summary>
/// <remarks>
/// Pages are put in and taken out by who has claimed them, so that nobody makes a page writable while somebody else copies it. A page in here may have no copies any more; then
/// the event before its first write reaches nobody. Where nothing is shared, asking costs one read. Locking: one leaf lock.
/// </remarks>
internal sealed class SharedPages
{
    private const int Words = PageSize.PagesPerHuge / 64;

    private readonly RankedLock _lock = new(LockRank.Leaf, "SharedPages");
    private readonly Dictionary<ulong, ulong[]> _blocks = []; // By number of the 2 MiB block: bit i for page i. Guarded by _lock.
    private readonly Stack<ulong[]> _spare = new(); // Empty ones. Guarded by _lock.
    private int _count; // Blocks; written under _lock, peeked without.

    /// <summary>Notes that pages are only read from now on.</summary>
    /// <param name="interval">Pages of one 2 MiB block, claimed by the caller.</param>
    /// <returns>False if there is no memory to remember them: then they must not be shared.</returns>
    public bool TryAdd(AddressRange interval)
    {
        ulong block = interval.Start.PageNumber >> 9;
        try
        {
            using (_lock.Enter())
            {
                if (!_blocks.TryGetValue(block, out ulong[]? bits))
                {
                    bits = _spare.TryPop(out ulong[]? spare) ? spare : new ulong[Words];
                    _blocks.Add(block, bits);
                    Volatile.Write(ref _count, _blocks.Count); // Pairs with Remove; a claim keeps the two apart for one page.
                }

                for (int page = 0; page < (int)interval.Pages; page++)
                {
                    int at = (int)(interval.Start.PageNumber & 511) + page;
                    bits[at >> 6] |= 1UL << (at & 63);
                }
            }

            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>The shared pages around one, without a gap, inside its 2 MiB block: what a write of one makes writable together, since their copies go together as well.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The run; null if the page is not shared. A snapshot.</returns>
    public AddressRange? RunAround(VirtualAddress page)
    {
        if (Volatile.Read(ref _count) == 0) // Pairs with TryAdd.
            return null;
        using (_lock.Enter())
        {
            int at = (int)(page.PageNumber & 511);
            if (!_blocks.TryGetValue(page.PageNumber >> 9, out ulong[]? bits) || !IsIn(bits, at))
                return null;
            int first = at;
            int end = at + 1;
            while (first > 0 && IsIn(bits, first - 1))
                first--;
            while (end < PageSize.PagesPerHuge && IsIn(bits, end))
                end++;
            return AddressRange.OfPages(VirtualAddress.OfPage(page.PageNumber - (ulong)(at - first)), end - first);
        }
    }

    /// <summary>Whether a page is marked.</summary>
    /// <param name="bits">Its block's marks.</param>
    /// <param name="at">Its index in the block.</param>
    /// <returns>True if it is.</returns>
    private static bool IsIn(ulong[] bits, int at) => (bits[at >> 6] >> (at & 63) & 1) != 0;

    /// <summary>Takes pages out.</summary>
    /// <param name="interval">Page aligned, any length.</param>
    /// <returns>Whether one of them was in.</returns>
    public bool Remove(AddressRange interval)
    {
        if (Volatile.Read(ref _count) == 0) // Pairs with TryAdd.
            return false;
        bool wasIn = false;
        using (_lock.Enter())
        {
            if (interval.Pages > (long)PageSize.PagesPerHuge * _blocks.Count)
            {
                foreach (ulong block in _blocks.Keys) // Removing while walking is allowed.
                {
                    AddressRange part = AddressRange.OfPages(VirtualAddress.OfPage(block << 9), PageSize.PagesPerHuge).Intersect(interval);
                    wasIn |= !part.IsEmpty && RemoveLocked(part);
                }

                return wasIn;
            }

            for (VirtualAddress at = interval.Start; at < interval.End;)
            {
                AddressRange part = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
                wasIn |= RemoveLocked(part);
                at = part.End;
            }
        }

        return wasIn;
    }

    /// <summary>Takes pages of one block out.</summary>
    /// <param name="part">The pages.</param>
    /// <returns>Whether one of them was in.</returns>
    private bool RemoveLocked(AddressRange part)
    {
        ulong block = part.Start.PageNumber >> 9;
        if (!_blocks.TryGetValue(block, out ulong[]? bits))
            return false;
        bool wasIn = false;
        for (int page = 0; page < (int)part.Pages; page++)
        {
            int at = (int)(part.Start.PageNumber & 511) + page;
            wasIn |= IsIn(bits, at);
            bits[at >> 6] &= ~(1UL << (at & 63));
        }

        if (bits.AsSpan().IndexOfAnyExcept(0UL) < 0)
        {
            _blocks.Remove(block);
            _spare.Push(bits);
            Volatile.Write(ref _count, _blocks.Count); // As in TryAdd.
        }

        return wasIn;
    }
}
