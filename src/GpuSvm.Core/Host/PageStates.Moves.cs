// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>What happens to pages when the program changes its mappings, and where claims go then.</content>
/// <remarks>
/// mremap moves pages to other addresses, and whoever tells us of it does not wait. A page whose bytes some claimer has in its hands (in a staging block, or in a
/// device frame) goes to its new address as a claimed page, and a note says where: the claimer, who knows the page by the address it claimed, looks the note up when it
/// gives the bytes back or settles. A claimed page of which the claimer has nothing in its hands yet needs no following: the host memory moves it, and the claimer finds
/// that the page is no longer its own. Such a claim, and one that stands where a moved page arrives, is carried to an address outside of user space,
/// where it is dropped; so an address is free for its next page at once, and each claim still ends exactly once.
/// </remarks>
internal sealed partial class PageStates
{
    private readonly Dictionary<(int Claimer, ulong Origin), ulong> _moves = []; // From a claimed page to where it is now. Guarded by _lock.
    private readonly Dictionary<ulong, ulong> _origins = []; // The other way round. Guarded by _lock.
    private ulong _nextLimbo = 1UL << 40; // The next page number outside of user space. Guarded by _lock.

    /// <summary>Claims that have followed their pages to other addresses and have not ended yet.</summary>
    public int MovedClaims
    {
        get
        {
            using (_lock.EnterWrite())
                return _moves.Count;
        }
    }

    /// <summary>Forgets the pages of an interval whose mapping or contents are gone; claimed ones are marked, and forgotten when they settle.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="released">Receives the entries of forgotten pages.</param>
    /// <remarks>Locking: the lock is held (event gate).</remarks>
    public void DropLocked(AddressRange interval, List<PageEntry> released)
    {
        _lock.AssertHeld();
        ulong limit = interval.End.PageNumber;
        for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
        {
            PageEntry entry = _table.Get(page);
            if (entry.IsMigrating)
            {
                _table.Set(page, entry.AsDropped());
                continue;
            }
            if (entry.IsDevice)
                _reverse[entry.Pagemap][entry.Frame.Number] = 0;
            released.Add(entry);
            _table.Set(page, default);
        }
    }

    /// <summary>Takes the right to be written away from the device pages of an interval, whatever the new protection is: the next write fault looks at the mapping again.
    /// Kernel: change_pte_range.</summary>
    /// <param name="interval">The interval.</param>
    /// <remarks>Locking: the lock is held (event gate).</remarks>
    public void ProtectLocked(AddressRange interval)
    {
        _lock.AssertHeld();
        ulong limit = interval.End.PageNumber;
        for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
        {
            PageEntry entry = _table.Get(page);
            if (entry.IsDevice)
                _table.Set(page, entry.AsReadOnly());
        }
    }

    /// <summary>Carries the pages of an interval to other addresses; what was there is forgotten.</summary>
    /// <param name="from">Where they were.</param>
    /// <param name="to">Where they are now; as long, and not overlapping.</param>
    /// <param name="released">Receives the entries of pages forgotten at the new addresses.</param>
    /// <remarks>Locking: the lock is held (event gate).</remarks>
    public void MoveLocked(AddressRange from, AddressRange to, List<PageEntry> released)
    {
        DropLocked(to, released);
        for (ulong page = _table.FindNext(to.Start.PageNumber, to.End.PageNumber); page < to.End.PageNumber; page = _table.FindNext(page + 1, to.End.PageNumber))
            CarryClaimLocked(page, _nextLimbo++); // Only claimed pages are left there.
        for (ulong page = _table.FindNext(from.Start.PageNumber, from.End.PageNumber); page < from.End.PageNumber; page = _table.FindNext(page + 1, from.End.PageNumber))
        {
            ulong target = page - from.Start.PageNumber + to.Start.PageNumber;
            PageEntry entry = _table.Get(page);
            if (!entry.IsMigrating)
            {
                _table.Set(page, default);
                _table.Set(target, entry);
                if (entry.IsDevice)
                    _reverse[entry.Pagemap][entry.Frame.Number] = target + 1;
            }
            else if (entry.IsDropped || !(entry.IsDevice || entry.IsExclusive || entry.IsTaken))
            {
                _table.Set(page, entry.AsDropped());
                CarryClaimLocked(page, _nextLimbo++);
            }
            else
            {
                CarryClaimLocked(page, target);
            }
        }
    }

    /// <summary>Carries a claimed page to another address and notes where it is.</summary>
    /// <param name="page">Where it is.</param>
    /// <param name="target">Where it goes; nothing is known of that page.</param>
    private void CarryClaimLocked(ulong page, ulong target)
    {
        PageEntry entry = _table.Get(page);
        _table.Set(page, default);
        _table.Set(target, entry);
        if (entry.IsDevice)
            _reverse[entry.Pagemap][entry.Frame.Number] = target + 1;
        if (!_origins.Remove(page, out ulong origin))
            origin = page;
        _origins.Add(target, origin);
        _moves[(entry.Claimer, origin)] = target;
    }

    /// <summary>Where a claimed page is now.</summary>
    /// <param name="claimer">Who claimed it.</param>
    /// <param name="origin">Where it was when it was claimed.</param>
    /// <returns>The page.</returns>
    private ulong LocateLocked(int claimer, ulong origin) =>
        _moves.Count != 0 && _moves.TryGetValue((claimer, origin), out ulong current) ? current : origin;

    /// <summary>As <see cref="LocateLocked"/>, and the note is forgotten.</summary>
    /// <param name="claimer">Who claimed it.</param>
    /// <param name="origin">Where it was when it was claimed.</param>
    /// <returns>The page.</returns>
    private ulong EndMoveLocked(int claimer, ulong origin)
    {
        if (_moves.Count == 0 || !_moves.Remove((claimer, origin), out ulong current))
            return origin;
        _origins.Remove(current);
        return current;
    }
}
