// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>Forks under way: as long as there is one, no page leaves the CPU.</content>
internal sealed partial class PageStates
{
    private int _forks; // Under way. Guarded by _lock.
    private bool _isRefused; // Whether a claim was refused since the first of them began. Guarded by _lock.

    /// <summary>Refuses claims that would take pages from the CPU, from now on.</summary>
    public void BeginFork()
    {
        using (_lock.EnterWrite())
            _forks++;
    }

    /// <summary>Ends what <see cref="BeginFork"/> began.</summary>
    /// <param name="isLast">Whether no other fork is under way.</param>
    /// <returns>Whether this was the last one, and a claim was refused.</returns>
    /// <remarks>Locking: the lock is held (event gate).</remarks>
    public bool EndForkLocked(out bool isLast)
    {
        _lock.AssertHeld();
        isLast = --_forks == 0;
        bool wasRefused = isLast && _isRefused;
        _isRefused &= !isLast;
        return wasRefused;
    }

    /// <summary>Whether pages must not leave the CPU now, which is noted as a refusal.</summary>
    /// <returns>True if a fork is under way.</returns>
    public bool RefusesToLeaveLocked()
    {
        _lock.AssertHeld();
        _isRefused |= _forks > 0;
        return _forks > 0;
    }

    /// <summary>Whether a fork is under way.</summary>
    public bool IsForking
    {
        get
        {
            using (_lock.EnterRead())
                return _forks > 0;
        }
    }

    /// <summary>As <see cref="FindMissingLocked"/>.</summary>
    /// <param name="from">Where to begin to look.</param>
    /// <param name="marksTaken">As there.</param>
    /// <param name="entry">The page's entry.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindMissing(VirtualAddress from, bool marksTaken, out PageEntry entry)
    {
        using (_lock.EnterRead())
            return FindMissingLocked(from, marksTaken, out entry);
    }

    /// <summary>The first page whose bytes a child made now would not get: on a device, exclusive, or in the hands of a claimer.</summary>
    /// <param name="from">Where to begin to look.</param>
    /// <param name="marksTaken">Whether claimers mark what they have in their hands (<see cref="SetTakenLocked"/>); otherwise every claimed page counts.</param>
    /// <param name="entry">The page's entry.</param>
    /// <returns>The page, or null.</returns>
    public VirtualAddress? FindMissingLocked(VirtualAddress from, bool marksTaken, out PageEntry entry)
    {
        _lock.AssertHeld();
        const ulong Limit = 1UL << (47 - PageSize.Shift); // The end of user space; claims that have lost their address lie above.
        for (ulong page = _table.FindNext(from.PageNumber, Limit); page < Limit; page = _table.FindNext(page + 1, Limit))
        {
            entry = _table.Get(page);
            if (entry.IsDropped)
                continue; // Its bytes are nobody's: a child finds nothing there either.
            if (entry.IsDevice || entry.IsExclusive || (marksTaken ? entry.IsTaken : entry.IsMigrating))
                return VirtualAddress.OfPage(page);
        }

        entry = default;
        return null;
    }
}
