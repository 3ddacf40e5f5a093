// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>All holds of one address space: staging blocks with pages that a device works on exclusively. Page entries name a hold and a page in it.</summary>
/// <remarks>Holds are recycled, so a warm address space allocates nothing. Locking: one leaf lock; nothing is called under it.</remarks>
internal sealed class ExclusiveHolds
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "ExclusiveHolds");
    private readonly List<ExclusiveHold> _holds = []; // By number; grows only. Guarded by _lock.
    private readonly Stack<int> _free = new(); // Guarded by _lock.
    private long _age; // Guarded by _lock.
    private long _pages; // Written under _lock; peeked without.

    /// <summary>Pages in all holds.</summary>
    public long Pages => Volatile.Read(ref _pages); // Pairs with the writes under the lock.

    /// <summary>How many holds there are.</summary>
    public int Count
    {
        get
        {
            using (_lock.Enter())
                return _holds.Count - _free.Count;
        }
    }

    /// <summary>Makes a hold of a staging block.</summary>
    /// <param name="staging">The block; the hold's from now on.</param>
    /// <param name="owner">Whose devices work on it.</param>
    /// <param name="pages">How many of its pages will be exclusive.</param>
    /// <returns>The hold's number.</returns>
    public int Add(HostStaging staging, int owner, int pages)
    {
        using (_lock.Enter())
        {
            if (!_free.TryPop(out int number))
            {
                number = _holds.Count;
                _holds.Add(new ExclusiveHold());
            }

            ExclusiveHold hold = _holds[number];
            hold.Owner = owner;
            hold.Staging = staging;
            hold.Pages = pages;
            hold.Age = ++_age;
            Volatile.Write(ref _pages, _pages + pages); // Pairs with Pages.
            return number;
        }
    }

    /// <summary>Pages have left a hold.</summary>
    /// <param name="number">The hold.</param>
    /// <param name="pages">How many.</param>
    /// <returns>The block, if they were the last: the caller gives it back. Null otherwise.</returns>
    public HostStaging? Remove(int number, int pages)
    {
        using (_lock.Enter())
        {
            ExclusiveHold hold = _holds[number];
            hold.Pages -= pages;
            Volatile.Write(ref _pages, _pages - pages); // Pairs with Pages.
            if (hold.Pages > 0)
                return null;
            if (hold.Pages < 0)
                throw new InvalidOperationException("More pages have left an exclusive hold than were in it.");
            HostStaging? staging = hold.Staging;
            hold.Staging = null;
            hold.Owner = 0;
            _free.Push(number);
            return staging;
        }
    }

    /// <summary>The block and the owner of a hold.</summary>
    /// <param name="number">The hold, as an entry named it; it may be gone by now.</param>
    /// <param name="owner">Whose devices work on it; 0 if it is gone.</param>
    /// <returns>The block; null if it is gone.</returns>
    public HostStaging? Find(int number, out int owner)
    {
        using (_lock.Enter())
        {
            ExclusiveHold hold = _holds[number];
            owner = hold.Owner;
            return hold.Staging;
        }
    }

    /// <summary>The oldest hold.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="staging">Its block.</param>
    /// <returns>False if there is none.</returns>
    public bool TryFindOldest(out int number, out HostStaging? staging)
    {
        number = -1;
        staging = null;
        using (_lock.Enter())
        {
            for (int i = 0; i < _holds.Count; i++)
            {
                if (_holds[i].Staging is null || (number >= 0 && _holds[i].Age > _holds[number].Age))
                    continue;
                number = i;
                staging = _holds[i].Staging;
            }
        }

        return number >= 0;
    }
}
