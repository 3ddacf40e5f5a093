// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>The mappings of the simulated program, disjoint and in address order.</summary>
/// <param name="merges">Whether neighbours become one where Linux would make them one; otherwise they never do.</param>
/// <remarks>
/// Where a mapping ends is visible to a device: a fault of its driver goes to the end of the mapping. So merging follows Linux: neighbours of the same kind become one
/// unless both have pages already, of different families.
/// Locking: none; guarded by the memory's lock.
/// </remarks>
internal sealed class MappingList(bool merges = false)
{
    /// <summary>Where <see cref="FindGap"/> begins to look.</summary>
    public static readonly VirtualAddress ArenaStart = new(0x1000_0000_0000);

    /// <summary>The end of user space.</summary>
    public static readonly VirtualAddress ArenaEnd = new(1UL << 47);

    private readonly List<SimulatedMapping> _mappings = [];
    private int _families; // How many families were begun.

    /// <summary>How many mappings there are.</summary>
    public int Count => _mappings.Count;

    /// <summary>Finds the first mapping that ends above an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="mapping">The mapping; it may begin above the address.</param>
    /// <returns>False if there is none.</returns>
    public bool TryFind(VirtualAddress address, out SimulatedMapping mapping)
    {
        int index = IndexEndingAbove(address);
        mapping = index < _mappings.Count ? _mappings[index] : default;
        return index < _mappings.Count;
    }

    /// <summary>Whether mappings cover an interval without a hole.</summary>
    /// <param name="interval">A page-aligned interval, not empty.</param>
    /// <returns>True if they do.</returns>
    public bool Covers(AddressRange interval)
    {
        VirtualAddress at = interval.Start;
        for (int i = IndexEndingAbove(at); i < _mappings.Count && at < interval.End && _mappings[i].Interval.Start <= at; i++)
            at = _mappings[i].Interval.End;
        return at >= interval.End;
    }

    /// <summary>Whether any mapping meets an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if one does.</returns>
    public bool Meets(AddressRange interval) => TryFind(interval.Start, out SimulatedMapping mapping) && mapping.Interval.Start < interval.End;

    /// <summary>Adds a mapping where there is none.</summary>
    /// <param name="mapping">The mapping; its interval meets no other.</param>
    public void Add(SimulatedMapping mapping)
    {
        int index = IndexEndingAbove(mapping.Interval.Start);
        _mappings.Insert(index, mapping);
        if (merges)
            MergeAround(index);
    }

    /// <summary>Sees to it that the mapping at an address has a family for its pages: that of a neighbour of its kind, first the one behind, or one of its own.
    /// Kernel: anon_vma_prepare.</summary>
    /// <param name="address">A mapped address.</param>
    public void GiveFamily(VirtualAddress address)
    {
        int index = IndexEndingAbove(address);
        SimulatedMapping mapping = _mappings[index];
        if (!merges || mapping.Family != 0)
            return;
        int family = index + 1 < _mappings.Count && mapping.IsAlike(_mappings[index + 1]) ? _mappings[index + 1].Family : 0;
        if (family == 0 && index > 0 && _mappings[index - 1].IsAlike(mapping))
            family = _mappings[index - 1].Family;
        _mappings[index] = mapping with { Family = family != 0 ? family : ++_families };
    }

    /// <summary>Takes an interval out of all mappings; those that reach beyond it keep the rest.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    public void Remove(AddressRange interval)
    {
        SplitAt(interval.Start);
        SplitAt(interval.End);
        int first = IndexEndingAbove(interval.Start);
        int last = first;
        while (last < _mappings.Count && _mappings[last].Interval.Start < interval.End)
            last++;
        _mappings.RemoveRange(first, last - first);
    }

    /// <summary>Changes the mappings of an interval, each part as far as it lies inside, up to the first hole.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    /// <param name="change">What becomes of a part; the interval of what it returns does not matter.</param>
    /// <param name="changed">Receives the parts of which something else has become; null if nobody wants to know.</param>
    /// <returns>False if there was a hole.</returns>
    public bool Change(AddressRange interval, Func<SimulatedMapping, SimulatedMapping> change, List<AddressRange>? changed = null)
    {
        VirtualAddress at = interval.Start;
        while (at < interval.End)
        {
            if (!TryFind(at, out SimulatedMapping mapping) || mapping.Interval.Start > at)
                return false;
            SimulatedMapping part = mapping with { Interval = mapping.Interval.Intersect(new AddressRange(at, interval.End)) };
            SimulatedMapping after = change(part) with { Interval = part.Interval };
            if (after != part)
            {
                Remove(part.Interval);
                Add(after);
                changed?.Add(part.Interval);
            }

            at = part.Interval.End;
        }

        return true;
    }

    /// <summary>Moves a part of one mapping to where there is none.</summary>
    /// <param name="from">The part.</param>
    /// <param name="to">Its first address afterwards.</param>
    public void Move(AddressRange from, VirtualAddress to)
    {
        TryFind(from.Start, out SimulatedMapping mapping);
        long pages = (to - from.Start) >> PageSize.Shift;
        Remove(from);
        Add(mapping with
        {
            Interval = AddressRange.OfPages(to, from.Pages),
            MovedPages = mapping.Family != 0 ? mapping.MovedPages + pages : 0, // Without pages there is nothing to remember an address by.
        });
    }

    /// <summary>Finds the lowest free place of the arena; what was freed last is used again at once, as a real mmap does.</summary>
    /// <param name="bytes">A whole number of pages.</param>
    /// <param name="order">The alignment wanted.</param>
    /// <returns>The place, or null if there is none.</returns>
    public AddressRange? FindGap(long bytes, PageOrder order)
    {
        VirtualAddress at = ArenaStart;
        for (int i = IndexEndingAbove(at); i < _mappings.Count && _mappings[i].Interval.Start - at < bytes; i++)
            at = (_mappings[i].Interval.End + (order.Bytes - 1)).AlignDown(order);
        return ArenaEnd - at < bytes ? null : AddressRange.OfBytes(at, bytes);
    }

    /// <summary>Makes one mapping of neighbours that may join; where both sides could but not with each other, the one before.</summary>
    /// <param name="index">The mapping just added or changed.</param>
    private void MergeAround(int index)
    {
        bool joinsBefore = index > 0 && _mappings[index - 1].CanJoin(_mappings[index]);
        bool joinsBehind = index + 1 < _mappings.Count && _mappings[index].CanJoin(_mappings[index + 1]);
        if (joinsBefore && joinsBehind)
        {
            int before = _mappings[index - 1].Family, behind = _mappings[index + 1].Family;
            joinsBehind = before == 0 || behind == 0 || before == behind;
        }

        if (joinsBehind)
            JoinWithNext(index);
        if (joinsBefore)
            JoinWithNext(index - 1);
    }

    /// <summary>Makes one mapping of two.</summary>
    /// <param name="index">The first of them.</param>
    private void JoinWithNext(int index)
    {
        SimulatedMapping first = _mappings[index], second = _mappings[index + 1];
        _mappings[index] = first with
        {
            Interval = new AddressRange(first.Interval.Start, second.Interval.End),
            Family = first.Family != 0 ? first.Family : second.Family,
        };
        _mappings.RemoveAt(index + 1);
    }

    /// <summary>Cuts the mapping that an address lies strictly inside of.</summary>
    /// <param name="address">A page-aligned address.</param>
    private void SplitAt(VirtualAddress address)
    {
        int index = IndexEndingAbove(address);
        if (index == _mappings.Count || _mappings[index].Interval.Start >= address)
            return;
        SimulatedMapping whole = _mappings[index];
        _mappings[index] = whole with { Interval = new AddressRange(whole.Interval.Start, address) };
        _mappings.Insert(index + 1, whole with { Interval = new AddressRange(address, whole.Interval.End) });
    }

    /// <summary>The index of the first mapping that ends above an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The index; <see cref="Count"/> if there is none.</returns>
    private int IndexEndingAbove(VirtualAddress address)
    {
        int low = 0, high = _mappings.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_mappings[middle].Interval.End > address)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }
}
