// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>The mappings of the simulated program, disjoint and in address order. Neighbours are never merged.</summary>
/// <remarks>Locking: none; guarded by the memory's lock.</remarks>
internal sealed class MappingList
{
    /// <summary>Where <see cref="FindGap"/> begins to look.</summary>
    public static readonly VirtualAddress ArenaStart = new(0x1000_0000_0000);

    /// <summary>The end of user space.</summary>
    public static readonly VirtualAddress ArenaEnd = new(1UL << 47);

    private readonly List<SimulatedMapping> _mappings = [];

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
    public void Add(SimulatedMapping mapping) => _mappings.Insert(IndexEndingAbove(mapping.Interval.Start), mapping);

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

    /// <summary>Changes the protection of an interval, splitting mappings at its ends.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    /// <param name="protection">The new protection.</param>
    public void Protect(AddressRange interval, HostProtection protection)
    {
        SplitAt(interval.Start);
        SplitAt(interval.End);
        for (int i = IndexEndingAbove(interval.Start); i < _mappings.Count && _mappings[i].Interval.Start < interval.End; i++)
            _mappings[i] = _mappings[i] with { Protection = protection };
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
