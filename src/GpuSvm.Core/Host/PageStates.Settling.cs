// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>How claims end.</content>
internal sealed partial class PageStates
{
    /// <summary>Ends claims: each page becomes what its claimer says, or nothing if it was dropped meanwhile.</summary>
    /// <param name="interval">The interval that was claimed.</param>
    /// <param name="claimer">Who claimed it.</param>
    /// <param name="settling">Which of its pages end now; all were claimed.</param>
    /// <param name="outcome">What each becomes: the default for "the host answers", a device page, an exclusive one.</param>
    /// <param name="dropped">Set for each settled page: whether it was dropped, so that its outcome did not come about. Null if nobody asks.</param>
    /// <returns>Whom to wake.</returns>
    public SettleResult Settle(AddressRange interval, int claimer, ReadOnlySpan<bool> settling, ReadOnlySpan<PageEntry> outcome, Span<bool> dropped)
    {
        var result = SettleResult.Nobody;
        using (_lock.EnterWrite())
        {
            PageTable.Block block = OpenBlock(interval);
            ulong first = interval.Start.PageNumber;
            for (int page = 0; page < (int)interval.Pages; page++)
            {
                if (!settling[page])
                    continue;
                ulong origin = first + (ulong)page;
                ulong at = EndMoveLocked(claimer, origin);
                bool isInBlock = at >> 9 == first >> 9;
                PageEntry entry = isInBlock ? block.Entries[at & 511] : _table.Get(at);
                PageEntry next = entry.IsDropped ? default : outcome[page];
                if (!dropped.IsEmpty)
                    dropped[page] = entry.IsDropped;
                if (entry.HasWaiter)
                    result = at == origin && result != SettleResult.Everybody ? SettleResult.Interval : SettleResult.Everybody;
                if (entry.IsDevice)
                    _reverse[entry.Pagemap][entry.Frame.Number] = 0;
                if (next.IsDevice)
                    _reverse[next.Pagemap][next.Frame.Number] = at + 1;
                if (isInBlock)
                    block.Set((int)(at & 511), next);
                else
                    _table.Set(at, next);
            }

            _table.Close(first, block);
        }

        PulseWaiters();
        return result;
    }

    /// <summary>
    /// Where the pages of a claim are now: the run of pages from one on that are at addresses in a row and have not been dropped. What the host memory is asked to do
    /// with claimed pages while addresses may change is done under the lock under which this was asked.
    /// </summary>
    /// <param name="interval">The interval that was claimed.</param>
    /// <param name="claimer">Who claimed it.</param>
    /// <param name="page">The run's first page.</param>
    /// <param name="limit">Where to stop.</param>
    /// <param name="at">Where that page is.</param>
    /// <returns>The run's length; 0 if the page was dropped.</returns>
    public int LocateRunLocked(AddressRange interval, int claimer, int page, int limit, out VirtualAddress at)
    {
        _lock.AssertHeld();
        ulong first = interval.Start.PageNumber;
        ulong start = LocateLocked(claimer, first + (ulong)page);
        at = VirtualAddress.OfPage(start);
        int run = 0;
        if (_moves.Count == 0)
        {
            PageTable.Block block = OpenBlock(interval);
            int index = (int)(start & 511);
            while (page + run < limit && !block.Entries[index + run].IsDropped)
                run++;
            return run;
        }

        while (page + run < limit)
        {
            ulong now = LocateLocked(claimer, first + (ulong)(page + run));
            if (now != start + (ulong)run || _table.Get(now).IsDropped)
                break;
            run++;
        }

        return run;
    }

    /// <summary>Whether all pages of a part of a claim are where they were claimed.</summary>
    /// <param name="part">The part, wholly claimed.</param>
    /// <param name="claimer">Who claimed it.</param>
    /// <returns>False if one has moved or was dropped.</returns>
    public bool IsInPlaceLocked(AddressRange part, int claimer) =>
        LocateRunLocked(part, claimer, 0, (int)part.Pages, out VirtualAddress at) == part.Pages && at == part.Start;

    /// <summary>Notes that a claimer has the bytes of pages in its hands.</summary>
    /// <param name="part">Claimed pages, in their place.</param>
    public void SetTakenLocked(AddressRange part)
    {
        PageTable.Block block = OpenBlock(part);
        for (ulong page = part.Start.PageNumber; page < part.End.PageNumber; page++)
            block.Set((int)(page & 511), block.Entries[page & 511].AsTaken());
    }
}
