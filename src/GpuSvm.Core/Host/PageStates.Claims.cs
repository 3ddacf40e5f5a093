// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>How pages are claimed.</content>
internal sealed partial class PageStates
{
    /// <summary>Claims all pages of an interval, if the host answers for every one of them.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="claimer">Who claims.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/>, <see cref="SvmStatus.MixedPlacement"/> (device or exclusive pages in it) or
    /// <see cref="SvmStatus.NotMapped"/> (being unmapped) with nothing claimed.</returns>
    public SvmStatus ClaimHost(AddressRange interval, int claimer)
    {
        using (_lock.EnterWrite())
        {
            if (IsClosingLocked(interval))
                return SvmStatus.NotMapped;
            ulong first = interval.Start.PageNumber;
            ulong limit = interval.End.PageNumber;
            ulong taken = _table.FindNext(first, limit);
            if (taken < limit)
                return _table.Get(taken).IsMigrating ? SvmStatus.Busy : SvmStatus.MixedPlacement;
            PageTable.Block block = OpenBlock(interval);
            PageEntry claimed = default(PageEntry).AsClaimed(claimer);
            for (ulong page = first; page < limit; page++)
                block.Set((int)(page & 511), claimed);
            return SvmStatus.Done;
        }
    }

    /// <summary>Claims what a migration to a device has selected, as far as nobody else holds it.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="selection">Which pages.</param>
    /// <param name="claimer">Who claims.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <param name="hostPages">How many of them the host answers for.</param>
    /// <returns>How many were claimed; with all or nothing, all or none. None while a fork is under way.</returns>
    public int ClaimForDevice(
        AddressRange interval, in MigrationSelection selection, int claimer, bool[] collected, PageEntry[] source, out int hostPages)
    {
        int count = 0;
        hostPages = 0;
        int pages = (int)interval.Pages;
        Array.Clear(collected, 0, pages);
        using (_lock.EnterWrite())
        {
            if (IsClosingLocked(interval))
                return 0;
            if (RefusesToLeaveLocked())
                return 0;
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            for (int page = 0; page < pages; page++)
            {
                PageEntry entry = block.Entries[start + page];
                if (!IsSelected(entry, selection))
                    continue;
                source[page] = entry;
                collected[page] = true;
                hostPages += entry.IsDevice ? 0 : 1;
                count++;
            }

            if (selection.AllOrNothing && count < pages)
                count = 0; // What stays marked in collected tells the caller which pages were in the way.
            for (int page = 0; page < pages && count > 0; page++)
            {
                if (collected[page])
                    block.Set(start + page, source[page].AsClaimed(claimer));
            }

            _table.Close(interval.Start.PageNumber, block);
        }

        return count;
    }

    /// <summary>Claims the pages of an interval that lie in selected frames and are held by nobody.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="selection">Which frames.</param>
    /// <param name="claimer">Who claims.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <returns>How many were claimed.</returns>
    public int ClaimDevice(AddressRange interval, in FrameSelection selection, int claimer, bool[] collected, PageEntry[] source)
    {
        int count = 0;
        using (_lock.EnterWrite())
        {
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            int pages = (int)interval.Pages;
            Array.Clear(collected, 0, pages);
            for (int page = 0; page < pages; page++)
            {
                PageEntry entry = block.Entries[start + page];
                if (!entry.IsDevice || entry.IsMigrating || !selection.Contains(entry) || (selection.Owner != 0 && _tokens[entry.Pagemap] != selection.Owner))
                    continue;
                source[page] = entry;
                collected[page] = true;
                block.Set(start + page, entry.AsClaimed(claimer));
                count++;
            }

            _table.Close(interval.Start.PageNumber, block);
        }

        return count;
    }

    /// <summary>
    /// Claims pages by the frames that they lie in: the first frame from the cursor on whose page can be had, and all others of the list whose pages lie in the same
    /// 2 MiB of addresses. Frames that hold no page, or whose page others hold, are passed over.
    /// </summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="frames">The frames.</param>
    /// <param name="cursor">Where in the list to begin; afterwards the first frame claimed: what lies before it holds nothing that can be had.</param>
    /// <param name="claimer">Who claims.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <param name="interval">The smallest interval around the claimed pages; empty if there are none.</param>
    /// <returns>How many were claimed; 0: the list is at its end.</returns>
    public int ClaimFrames(
        int pagemap, ReadOnlySpan<DeviceFrame> frames, ref int cursor, int claimer, bool[] collected, PageEntry[] source, out AddressRange interval)
    {
        interval = default;
        int count = 0;
        using (_lock.EnterWrite())
        {
            ulong[] reverse = _reverse[pagemap];
            ulong first = ulong.MaxValue;
            ulong last = 0;
            ulong? blockNumber = null;
            for (int index = cursor; index < frames.Length; index++)
            {
                if (!IsFreeToClaim(reverse[frames[index].Number], blockNumber, out ulong page))
                    continue;
                if (blockNumber is null)
                {
                    blockNumber = page >> 9;
                    cursor = index;
                }

                first = Math.Min(first, page);
                last = Math.Max(last, page);
            }

            if (blockNumber is null)
            {
                cursor = frames.Length;
                return 0;
            }

            interval = new AddressRange(VirtualAddress.OfPage(first), VirtualAddress.OfPage(last + 1));
            Array.Clear(collected, 0, (int)interval.Pages);
            PageTable.Block block = _table.Open(first);
            for (int index = cursor; index < frames.Length; index++)
            {
                if (!IsFreeToClaim(reverse[frames[index].Number], blockNumber, out ulong page))
                    continue;
                PageEntry entry = block.Entries[page & 511];
                source[page - first] = entry;
                collected[page - first] = true;
                block.Set((int)(page & 511), entry.AsClaimed(claimer));
                count++;
            }
        }

        return count;
    }

    /// <summary>Claims exclusive pages of one hold.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="hold">The hold.</param>
    /// <param name="claimer">Who claims.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <returns>How many were claimed.</returns>
    public int ClaimExclusive(AddressRange interval, int hold, int claimer, bool[] collected, PageEntry[] source)
    {
        int count = 0;
        int pages = (int)interval.Pages;
        Array.Clear(collected, 0, pages);
        using (_lock.EnterWrite())
        {
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            for (int page = 0; page < pages; page++)
            {
                PageEntry entry = block.Entries[start + page];
                if (!entry.IsExclusive || entry.IsMigrating || entry.Hold != hold)
                    continue;
                source[page] = entry;
                collected[page] = true;
                block.Set(start + page, entry.AsClaimed(claimer));
                count++;
            }

            _table.Close(interval.Start.PageNumber, block);
        }

        return count;
    }

    /// <summary>Whether a frame holds a page that nobody has claimed.</summary>
    /// <param name="reverse">What the reverse map says of the frame.</param>
    /// <param name="blockNumber">The 2 MiB of addresses it must lie in; null for any.</param>
    /// <param name="page">The page.</param>
    /// <returns>True if it does.</returns>
    private bool IsFreeToClaim(ulong reverse, ulong? blockNumber, out ulong page)
    {
        page = reverse - 1;
        return reverse != 0 && (reverse & CopyBit) == 0 && (blockNumber is null || page >> 9 == blockNumber) && !_table.Get(page).IsMigrating;
    }

    /// <summary>Whether a migration to a device takes a page.</summary>
    /// <param name="entry">The page's entry.</param>
    /// <param name="selection">Which pages it takes.</param>
    /// <returns>True if it does.</returns>
    private bool IsSelected(PageEntry entry, in MigrationSelection selection) =>
        !entry.IsMigrating && !entry.IsExclusive
        && (entry.IsDevice
            ? selection.PeerOwner != 0 && entry.Pagemap != selection.Target && _tokens[entry.Pagemap] == selection.PeerOwner
            : selection.System);

    /// <summary>Opens the table's block of an interval that a claim covers: claims never cross a 2 MiB boundary.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The block.</returns>
    private PageTable.Block OpenBlock(AddressRange interval)
    {
        _lock.AssertHeld();
        if (!interval.Start.Block(PageOrder.Huge).Contains(interval))
            throw new ArgumentException($"A claim must not cross a 2 MiB boundary: {interval}.", nameof(interval));
        return _table.Open(interval.Start.PageNumber);
    }
}
