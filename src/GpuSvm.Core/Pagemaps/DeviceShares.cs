// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// How the pagemaps of one device share its memory: what one has reserved the others leave alone, and one that has less than it has reserved may have others evicted that have more.
/// Beyond that they take what is free.
/// </summary>
/// <remarks>Locking: one leaf lock. Without reservations an allocation costs one read.</remarks>
public sealed class DeviceShares
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "DeviceShares");
    private readonly List<Pagemap> _users = []; // In use. Guarded by _lock.
    private int _reserved; // By all together. Guarded by _lock; peeked without.

    /// <summary>Whether anything is reserved.</summary>
    internal bool HasReservations => Volatile.Read(ref _reserved) > 0; // A hint: whoever reserves waits for nobody.

    /// <summary>Pages that all pagemaps together have taken, for checkers.</summary>
    /// <param name="pagemap">One that is counted also if nobody uses it.</param>
    /// <returns>Pages.</returns>
    internal long UsedWith(Pagemap pagemap)
    {
        using (_lock.Enter())
            return _users.Sum(user => (long)user.UsedPages) + (_users.Contains(pagemap) ? 0 : pagemap.UsedPages);
    }

    /// <summary>A pagemap begins to be used.</summary>
    /// <param name="pagemap">It; again is once.</param>
    internal void Join(Pagemap pagemap)
    {
        using (_lock.Enter())
        {
            if (!_users.Contains(pagemap))
                _users.Add(pagemap);
        }
    }

    /// <summary>A pagemap is used by nobody any more.</summary>
    /// <param name="pagemap">It.</param>
    internal void Leave(Pagemap pagemap)
    {
        using (_lock.Enter())
        {
            if (!pagemap.HasUsers)
                _users.Remove(pagemap);
        }
    }

    /// <summary>Reserves device memory, or gives reserved memory up.</summary>
    /// <param name="pagemap">For whom.</param>
    /// <param name="pages">How much more; below 0 for less.</param>
    /// <returns>False if more would be reserved than there is.</returns>
    internal bool TryReserve(Pagemap pagemap, int pages)
    {
        using (_lock.Enter())
        {
            if (_reserved > pagemap.Device.Memory.Pages - pages)
                return false;
            Volatile.Write(ref _reserved, _reserved + pages);
            pagemap.ReservedPages += pages;
            return true;
        }
    }

    /// <summary>Whether a pagemap may take pages that are free: not those that others have reserved and do not use yet.</summary>
    /// <param name="pagemap">Who.</param>
    /// <param name="pages">How many.</param>
    /// <returns>True if it may; advice, two at once may both be told so.</returns>
    internal bool MayTake(Pagemap pagemap, int pages)
    {
        if (!HasReservations)
            return true;
        using (_lock.Enter())
        {
            long kept = 0;
            foreach (Pagemap other in _users)
            {
                if (!ReferenceEquals(other, pagemap))
                    kept += Math.Max(0, other.ReservedPages - other.UsedPages);
            }

            return pagemap.Device.Memory.FreePages - kept >= pages;
        }
    }

    /// <summary>Whose pages are to leave for a pagemap that has less than it has reserved and nothing of its own to evict.</summary>
    /// <param name="pagemap">Who needs room.</param>
    /// <returns>The one that has most beyond its own reservation, referenced; null if nobody has, or if it has all that it has reserved.</returns>
    internal Pagemap? PickOther(Pagemap pagemap)
    {
        using (_lock.Enter())
        {
            if (pagemap.UsedPages >= pagemap.ReservedPages)
                return null;
            Pagemap? most = null;
            foreach (Pagemap other in _users)
            {
                if (!ReferenceEquals(other, pagemap) && other.UsedPages > other.ReservedPages
                    && (most is null || other.UsedPages - other.ReservedPages > most.UsedPages - most.ReservedPages))
                    most = other;
            }

            return most is not null && most.TryGet() ? most : null;
        }
    }
}
