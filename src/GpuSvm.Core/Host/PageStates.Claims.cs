// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>Claims on pages, and how they end.</summary>
internal sealed partial class PageStates
{
    /// <summary>Claims all pages of an interval, if the host answers for every one of them.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/>, <see cref="SvmStatus.MixedPlacement"/> (device pages in it) or
    /// <see cref="SvmStatus.NotMapped"/> (being unmapped) with nothing claimed.</returns>
    public SvmStatus ClaimHost(AddressRange interval)
    {
        using (_lock.Enter())
        {
            if (IsClosingLocked(interval))
                return SvmStatus.NotMapped;
            ulong first = interval.Start.PageNumber;
            ulong limit = interval.End.PageNumber;
            ulong taken = _table.FindNext(first, limit);
            if (taken < limit)
                return _table.Get(taken).IsMigrating ? SvmStatus.Busy : SvmStatus.MixedPlacement;
            PageTable.Block block = OpenBlock(interval);
            for (ulong page = first; page < limit; page++)
                block.Set((int)(page & 511), default(PageEntry).AsMigrating());
            return SvmStatus.Done;
        }
    }

    /// <summary>Claims what a migration to a device has selected, as far as nobody else holds it.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="selection">Which pages.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <param name="hostPages">How many of them the host answers for.</param>
    /// <returns>How many were claimed; with all or nothing, all or none.</returns>
    public int ClaimForDevice(AddressRange interval, in MigrationSelection selection, bool[] collected, PageEntry[] source, out int hostPages)
    {
        int count = 0;
        hostPages = 0;
        int pages = (int)interval.Pages;
        Array.Clear(collected, 0, pages);
        using (_lock.Enter())
        {
            if (IsClosingLocked(interval))
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
                    block.Set(start + page, source[page].AsMigrating());
            }

            _table.Close(interval.Start.PageNumber, block);
        }

        return count;
    }

    /// <summary>Whether a migration to a device takes a page.</summary>
    /// <param name="entry">The page's entry.</param>
    /// <param name="selection">Which pages it takes.</param>
    /// <returns>True if it does.</returns>
    private bool IsSelected(PageEntry entry, in MigrationSelection selection) =>
        !entry.IsMigrating
        && (entry.IsDevice
            ? selection.PeerOwner != 0 && entry.Pagemap != selection.Target && _tokens[entry.Pagemap] == selection.PeerOwner
            : selection.System);

    /// <summary>Claims the pages of an interval that lie in the given frames and are held by nobody.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="first">The first frame.</param>
    /// <param name="frames">The number of frames.</param>
    /// <param name="collected">Set for each page of the interval.</param>
    /// <param name="source">The entries before, for the claimed pages.</param>
    /// <returns>How many were claimed.</returns>
    public int ClaimDevice(AddressRange interval, int pagemap, DeviceFrame first, int frames, bool[] collected, PageEntry[] source)
    {
        int count = 0;
        using (_lock.Enter())
        {
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            int pages = (int)interval.Pages;
            Array.Clear(collected, 0, pages);
            for (int page = 0; page < pages; page++)
            {
                PageEntry entry = block.Entries[start + page];
                if (!entry.IsDevice || entry.IsMigrating || entry.Pagemap != pagemap
                    || entry.Frame.Number < first.Number || entry.Frame.Number >= first.Number + frames)
                    continue;
                source[page] = entry;
                collected[page] = true;
                block.Set(start + page, entry.AsMigrating());
                count++;
            }
            _table.Close(interval.Start.PageNumber, block);
        }
        return count;
    }

    /// <summary>Ends claims of a migration to a device: pages with a destination are there now, the others are where they were.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="pagemap">The destinations' pagemap.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="destination">The frame of each page, -1 for none.</param>
    /// <param name="writable">Which pages' new entries let the device write.</param>
    /// <param name="arrived">Set for each page: whether it lives at its destination.</param>
    /// <param name="left">Set for each page: whether it is no longer where it was, because it has moved or was dropped.</param>
    /// <param name="waiters">Whether somebody waits for one of them.</param>
    /// <returns>How many arrived; dropped ones did not.</returns>
    public int SettleMoved(
        AddressRange interval, int pagemap, bool[] collected, int[] destination, bool[] writable, bool[] arrived, bool[] left, out bool waiters)
    {
        int count = 0;
        waiters = false;
        using (_lock.Enter())
        {
            ulong[] reverse = _reverse[pagemap];
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            for (int page = 0; page < (int)interval.Pages; page++)
            {
                arrived[page] = left[page] = false;
                if (!collected[page])
                    continue;
                PageEntry entry = block.Entries[start + page];
                waiters |= entry.HasWaiter;
                arrived[page] = !entry.IsDropped && destination[page] >= 0;
                left[page] = entry.IsDropped || arrived[page];
                if (left[page] && entry.IsDevice)
                    _reverse[entry.Pagemap][entry.Frame.Number] = 0;
                block.Set(start + page, !left[page] ? entry.Settled()
                    : arrived[page] ? PageEntry.OnDevice(pagemap, new DeviceFrame(destination[page]), writable[page]) : default);
                if (!arrived[page])
                    continue;
                reverse[destination[page]] = interval.Start.PageNumber + (ulong)page + 1;
                count++;
            }

            _table.Close(interval.Start.PageNumber, block);
        }

        PulseWaiters();
        return count;
    }

    /// <summary>Makes holes of the pages that were dropped while claimed, so that their old bytes are not brought back.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="staging">The block about to be attached.</param>
    /// <param name="offset">The interval's first page in it.</param>
    public void MaskDropped(AddressRange interval, bool[] collected, HostStaging staging, int offset)
    {
        using (_lock.Enter())
        {
            for (int page = 0; page < (int)interval.Pages; page++)
            {
                if (collected[page] && _table.Get(interval.Start.PageNumber + (ulong)page).IsDropped)
                    staging.SetPresent(offset + page, 1, present: false);
            }
        }
    }

    /// <summary>Ends claims with the pages in RAM.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <returns>Whether somebody waits for one of them.</returns>
    public bool SettleInRam(AddressRange interval, bool[] collected)
    {
        bool waiters = false;
        using (_lock.Enter())
        {
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            for (int page = 0; page < (int)interval.Pages; page++)
            {
                if (!collected[page])
                    continue;
                PageEntry entry = block.Entries[start + page];
                waiters |= entry.HasWaiter;
                if (entry.IsDevice)
                    _reverse[entry.Pagemap][entry.Frame.Number] = 0;
                block.Set(start + page, default);
            }
            _table.Close(interval.Start.PageNumber, block);
        }
        PulseWaiters();
        return waiters;
    }

    /// <summary>Ends claims with the pages where they were.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="dropped">Receives, for each page, whether it was dropped meanwhile: its device frame is to be released.</param>
    /// <returns>Whether somebody waits for one of them.</returns>
    public bool SettleUnchanged(AddressRange interval, bool[] collected, bool[]? dropped)
    {
        bool waiters = false;
        using (_lock.Enter())
        {
            PageTable.Block block = OpenBlock(interval);
            int start = (int)(interval.Start.PageNumber & 511);
            for (int page = 0; page < (int)interval.Pages; page++)
            {
                if (!collected[page])
                    continue;
                PageEntry entry = block.Entries[start + page];
                waiters |= entry.HasWaiter;
                bool forget = entry.IsDropped && entry.IsDevice;
                if (forget)
                    _reverse[entry.Pagemap][entry.Frame.Number] = 0;
                if (dropped is not null)
                    dropped[page] = forget;
                block.Set(start + page, entry.IsDropped ? default : entry.Settled());
            }
            _table.Close(interval.Start.PageNumber, block);
        }
        PulseWaiters();
        return waiters;
    }

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
