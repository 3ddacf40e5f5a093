// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Linux;

/// <summary>The pieces of memory that are shared beside the heap, in order of addresses. Few, and mostly none: then nobody takes the lock.</summary>
/// <remarks>Thread-safe. Locking: a leaf lock, across no call.</remarks>
internal sealed class AdoptedMemory
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "adopted memory");
    private readonly List<AdoptedPiece> _pieces = []; // Sorted, disjoint. Guarded by _lock.
    private int _count; // Of _pieces; written under _lock, read without: who adopts tells others of it afterwards only.

    /// <summary>Finds the first piece that ends above an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="piece">The piece; it may begin above the address.</param>
    /// <returns>False if there is none.</returns>
    internal bool TryFind(VirtualAddress address, out AdoptedPiece piece)
    {
        piece = default;
        if (Volatile.Read(ref _count) == 0) // Pairs with the writes under the lock.
            return false;
        using (_lock.Enter())
        {
            int index = FirstEndingAboveLocked(address);
            if (index < _pieces.Count)
                piece = _pieces[index];
            return index < _pieces.Count;
        }
    }

    /// <summary>Whether pieces of one kind hold a whole interval.</summary>
    /// <param name="interval">The interval, not empty.</param>
    /// <param name="isMovable">The kind.</param>
    /// <returns>True if so.</returns>
    internal bool Covers(AddressRange interval, bool isMovable)
    {
        VirtualAddress at = interval.Start;
        while (at < interval.End && TryFind(at, out AdoptedPiece piece) && piece.Interval.Contains(at) && piece.IsMovable == isMovable)
            at = piece.Interval.End;
        return at >= interval.End;
    }

    /// <summary>Puts a piece in, instead of whatever was known of its addresses.</summary>
    /// <param name="piece">The piece, not empty.</param>
    internal void Add(AdoptedPiece piece)
    {
        using (_lock.Enter())
        {
            RemoveLocked(piece.Interval);
            _pieces.Insert(FirstEndingAboveLocked(piece.Interval.Start), piece);
            Volatile.Write(ref _count, _pieces.Count); // Pairs with TryFind.
        }
    }

    /// <summary>Forgets an interval.</summary>
    /// <param name="interval">Any interval.</param>
    internal void Remove(AddressRange interval)
    {
        if (Volatile.Read(ref _count) == 0) // As in TryFind.
            return;
        using (_lock.Enter())
            RemoveLocked(interval);
    }

    /// <summary>The pieces of one family.</summary>
    /// <param name="family">Where the family's memory was when it was attached.</param>
    /// <returns>A copy, in order of addresses.</returns>
    internal List<AdoptedPiece> FamilyOf(ulong family)
    {
        using (_lock.Enter())
            return _pieces.FindAll(piece => piece.Family == family);
    }

    /// <summary>All pieces.</summary>
    /// <returns>A copy.</returns>
    internal List<AdoptedPiece> All()
    {
        using (_lock.Enter())
            return [.. _pieces];
    }

    /// <summary>As <see cref="Remove"/>: pieces that reach over its ends are cut.</summary>
    /// <param name="interval">Any interval.</param>
    private void RemoveLocked(AddressRange interval)
    {
        _lock.AssertHeld();
        for (int i = FirstEndingAboveLocked(interval.Start); i < _pieces.Count && _pieces[i].Interval.Start < interval.End;)
        {
            AdoptedPiece piece = _pieces[i];
            _pieces.RemoveAt(i);
            if (piece.Interval.Start < interval.Start)
                _pieces.Insert(i++, piece with { Interval = new AddressRange(piece.Interval.Start, interval.Start) });
            if (piece.Interval.End > interval.End)
                _pieces.Insert(i++, piece with { Interval = new AddressRange(interval.End, piece.Interval.End) });
        }

        Volatile.Write(ref _count, _pieces.Count); // Pairs with TryFind.
    }

    /// <summary>The place of the first piece that ends above an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The place; the count if there is none.</returns>
    private int FirstEndingAboveLocked(VirtualAddress address)
    {
        int low = 0;
        int high = _pieces.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_pieces[middle].Interval.End > address)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }
}
