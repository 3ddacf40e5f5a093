// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// The states of all pages of one host address space, and every transition between them, each under one short leaf lock.
/// </summary>
/// <remarks>
/// <code>
///            ClaimHost, ClaimForDevice                          SettleOnDevice
///   host  ------------------------------>  claimed  ------------------------------>  device
///    ^                                      |  ^  |                                   |
///    +--------------------------------------+  |  +------>  exclusive  (in a hold)    |
///                  Settle                      |                |                     |
///                                              +----------------+---------------------+
///                                                  ClaimExclusive, ClaimDevice
/// </code>
/// A claimed page belongs to its claimer alone. Unmap and discard do not wait for a claim: they mark the page dropped, and the settling step forgets it. Nor does a
/// move to another address: the claim goes along, and the settling step looks up where it is now (PageStates.Moves.cs).
/// The reverse map answers "which page lies in this frame" for eviction by physical page. Kernel: page-table locks, folio locks, rmap.
/// Locking: one lock of rank PageState, shared by who only looks; nothing of ours is called under it, only a host memory reading its events inside the gate.
/// </remarks>
internal sealed partial class PageStates
{
    private const ulong CopyBit = 1UL << 63;
    private const int MaxMoments = 64; // Milliseconds that one wait for a claim lasts at most; the caller looks at its budget and waits again.

    private readonly RankedReaderWriterLock _lock = new(LockRank.PageState, "PageStates");
    private readonly PageTable _table = new(); // Guarded by _lock.
    private readonly List<ulong[]> _reverse = []; // By pagemap: frame -> page number + 1, 0 for none; with CopyBit, what it is or was a copy of. Guarded by _lock.
    private readonly List<int> _tokens = []; // By pagemap: the owner group. Guarded by _lock.
    private readonly List<AddressRange> _closing = []; // Intervals being unmapped: no new claims. Guarded by _lock.
    private readonly object _settled = new(); // Pulsed when claims end and somebody waits.
    private int _waiters; // Threads in WaitForMigration. Interlocked.

    /// <summary>The lock, for the event gate.</summary>
    public RankedReaderWriterLock Lock => _lock;

    /// <summary>The number of pages with an entry.</summary>
    public long EntryCount
    {
        get
        {
            using (_lock.EnterRead())
                return _table.Count;
        }
    }

    /// <summary>Makes room for a pagemap's frames in the reverse map, or takes it away.</summary>
    /// <param name="index">The pagemap's index.</param>
    /// <param name="pages">The number of its frames; 0 takes it away.</param>
    /// <param name="ownerToken">Its owner group.</param>
    public void SetPagemap(int index, int pages, int ownerToken)
    {
        ulong[] frames = pages == 0 ? [] : new ulong[pages];
        using (_lock.EnterWrite())
        {
            while (_reverse.Count <= index)
            {
                _reverse.Add([]);
                _tokens.Add(0);
            }
            _reverse[index] = frames;
            _tokens[index] = ownerToken;
        }
    }

    /// <summary>The entry of a page, and a mark on it if a migration holds it.</summary>
    /// <param name="address">The page.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>False if the page's mapping is being taken away.</returns>
    public bool TryGetForFault(VirtualAddress address, out PageEntry entry)
    {
        using (_lock.EnterWrite())
        {
            entry = _table.Get(address.PageNumber);
            if (IsClosingLocked(AddressRange.OfPages(address, 1)))
                return false;
            if (entry.IsMigrating)
                _table.Set(address.PageNumber, entry.WithWaiter());
            return true;
        }
    }

    /// <summary>The entry of a page.</summary>
    /// <param name="address">The page.</param>
    /// <returns>A copy.</returns>
    public PageEntry Get(VirtualAddress address)
    {
        using (_lock.EnterRead())
            return _table.Get(address.PageNumber);
    }

    /// <summary>The entry of a page, looked at while every thread stands still.</summary>
    /// <param name="address">The page.</param>
    /// <returns>A copy.</returns>
    public PageEntry Peek(VirtualAddress address) => _table.Get(address.PageNumber);

    /// <summary>Copies the entries of an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="entries">Where to, one a page.</param>
    public void Read(AddressRange interval, Span<PageEntry> entries)
    {
        using (_lock.EnterRead())
            _table.CopyTo(interval.Start.PageNumber, entries);
    }

    /// <summary>The first page of an interval whose bytes are on a device or in an exclusive hold, claimed or not.</summary>
    /// <param name="interval">Where to look.</param>
    /// <param name="entry">The page's entry.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindAway(AddressRange interval, out PageEntry entry)
    {
        ulong limit = interval.End.PageNumber;
        using (_lock.EnterRead())
        {
            for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
            {
                entry = _table.Get(page);
                if (entry.IsDevice || entry.IsExclusive)
                    return VirtualAddress.OfPage(page);
            }
        }
        entry = default;
        return null;
    }

    /// <summary>The first exclusive page of an interval, claimed or not.</summary>
    /// <param name="interval">Where to look.</param>
    /// <param name="hold">The hold it must belong to; -1 for any.</param>
    /// <param name="entry">The page's entry.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindExclusive(AddressRange interval, int hold, out PageEntry entry)
    {
        ulong limit = interval.End.PageNumber;
        using (_lock.EnterRead())
        {
            for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
            {
                entry = _table.Get(page);
                if (entry.IsExclusive && (hold < 0 || entry.Hold == hold))
                    return VirtualAddress.OfPage(page);
            }
        }
        entry = default;
        return null;
    }

    /// <summary>Lets a device write a page of its own that it could only read, if the page is still where it was seen.</summary>
    /// <param name="address">The page.</param>
    /// <param name="seen">Its entry as seen: a device page, not claimed.</param>
    /// <returns>False if it has changed.</returns>
    public bool TryMakeWritable(VirtualAddress address, PageEntry seen)
    {
        using (_lock.EnterWrite())
        {
            if (_table.Get(address.PageNumber) != seen)
                return false;
            _table.Set(address.PageNumber, seen.AsWritable());
            return true;
        }
    }

    /// <summary>The page whose bytes lie in a frame.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindByFrame(int pagemap, DeviceFrame frame)
    {
        using (_lock.EnterRead())
        {
            ulong page = _reverse[pagemap][frame.Number];
            return page == 0 || (page & CopyBit) != 0 ? null : VirtualAddress.OfPage(page - 1);
        }
    }

    /// <summary>Notes which pages frames are copies of. It is not taken back: the frames' next pages or copies replace it.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="first">The first frame; nobody's.</param>
    /// <param name="interval">The pages, one a frame.</param>
    public void NoteCopies(int pagemap, DeviceFrame first, AddressRange interval)
    {
        using (_lock.EnterWrite())
        {
            ulong[] reverse = _reverse[pagemap];
            for (int page = 0; page < (int)interval.Pages; page++)
                reverse[first.Number + page] = (interval.Start.PageNumber + (ulong)page + 1) | CopyBit;
        }
    }

    /// <summary>The page that a frame is, or was, a copy of.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindCopied(int pagemap, DeviceFrame frame)
    {
        using (_lock.EnterRead())
        {
            ulong page = _reverse[pagemap][frame.Number];
            return (page & CopyBit) == 0 ? null : VirtualAddress.OfPage((page & ~CopyBit) - 1);
        }
    }

    /// <summary>Refuses new claims in an interval from now on.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>False if part of it is being closed already.</returns>
    public bool TryClose(AddressRange interval)
    {
        using (_lock.EnterWrite())
        {
            if (IsClosingLocked(interval))
                return false;
            _closing.Add(interval);
            return true;
        }
    }

    /// <summary>Ends what <see cref="TryClose"/> began; by now the interval is no mapping.</summary>
    /// <param name="interval">The interval.</param>
    public void EndClose(AddressRange interval)
    {
        using (_lock.EnterWrite())
            _closing.Remove(interval);
    }

    /// <summary>Whether an interval is being unmapped.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if part of it is.</returns>
    public bool IsClosing(AddressRange interval)
    {
        using (_lock.EnterRead())
            return IsClosingLocked(interval);
    }

    /// <summary>Waits until a page is claimed by nobody, or a moment has passed.</summary>
    /// <param name="address">The page.</param>
    /// <remarks>Locking: a wait; nothing of rank Invalidation or deeper may be held.</remarks>
    public void WaitForMigration(VirtualAddress address)
    {
        LockOrder.CheckTake(LockRank.Invalidation, "migration wait");
        Pause pause = default;
        int moments = 0;
        Interlocked.Increment(ref _waiters); // Pairs with the read in PulseWaiters.
        while (IsMigrating(address) && moments < MaxMoments)
        {
            if (!pause.IsLong)
            {
                pause.Once();
                continue;
            }
            moments++;
            if (SchedulePoint.TryWait(this))
                continue;
            lock (_settled)
                Monitor.Wait(_settled, millisecondsTimeout: 1);
        }
        Interlocked.Decrement(ref _waiters); // As above.
    }

    /// <summary>Waits until no page of an interval is held by a migration.</summary>
    /// <param name="interval">An interval that is closed to new claims.</param>
    public void WaitForMigrations(AddressRange interval)
    {
        while (true)
        {
            ulong? held = null;
            using (_lock.EnterWrite())
            {
                ulong limit = interval.End.PageNumber;
                for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit && held is null; page = _table.FindNext(page + 1, limit))
                    held = _table.Get(page).IsMigrating ? page : null;
            }
            if (held is null)
                return;
            WaitForMigration(VirtualAddress.OfPage(held.Value));
        }
    }

    /// <summary>Whether a migration holds a page.</summary>
    /// <param name="address">The page.</param>
    /// <returns>True if one does.</returns>
    private bool IsMigrating(VirtualAddress address)
    {
        using (_lock.EnterRead())
            return _table.Get(address.PageNumber).IsMigrating;
    }

    /// <summary>Whether an interval overlaps one being unmapped.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if it does.</returns>
    private bool IsClosingLocked(AddressRange interval)
    {
        _lock.AssertHeld();
        foreach (AddressRange closing in _closing)
        {
            if (closing.Overlaps(interval))
                return true;
        }
        return false;
    }

    /// <summary>Lets threads in <see cref="WaitForMigration"/> look again.</summary>
    private void PulseWaiters()
    {
        if (Volatile.Read(ref _waiters) == 0) // Pairs with the increment in WaitForMigration; a late one sees the settled entry.
            return;
        SchedulePoint.Signal(this);
        lock (_settled)
            Monitor.PulseAll(_settled);
    }
}
