// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Explaining;

/// <summary>The mappings of a trace, to give addresses names. What was unmapped stays, until something else is mapped there: an explanation comes after the end.</summary>
public sealed class Allocations
{
    private const int Most = 4096; // Beyond them addresses have no names.

    private readonly SortedList<ulong, Allocation> _byStart = [];
    private Allocation? _last;

    /// <summary>All of them, by address.</summary>
    public IEnumerable<Allocation> All => _byStart.Values;

    /// <summary>Notes a mapping; older ones that it overlaps are forgotten. Neighbours without names become one.</summary>
    /// <param name="interval">Where.</param>
    /// <param name="name">Its name; empty for none.</param>
    public void Add(AddressRange interval, string name)
    {
        _last = null;
        for (Allocation? old; (old = Overlapping(interval)) is not null;)
            _byStart.Remove(old.Interval.Start.Value);
        if (name.Length == 0 && Find(interval.Start - 1) is { Name: "" } before)
            interval = before.Interval.Around(interval);
        if (_byStart.Count < Most || _byStart.ContainsKey(interval.Start.Value))
            _byStart[interval.Start.Value] = new Allocation(interval, name);
        _last = null;
    }

    /// <summary>Finds what an address belongs to.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The allocation; null for none.</returns>
    public Allocation? Find(VirtualAddress address)
    {
        if (_last?.Interval.Contains(address) == true)
            return _last;
        int at = LastFrom(address.Value);
        if (at >= 0 && _byStart.Values[at].Interval.Contains(address))
            return _last = _byStart.Values[at];
        return null;
    }

    /// <summary>An allocation that an interval overlaps.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>One of them; null for none.</returns>
    private Allocation? Overlapping(AddressRange interval)
    {
        int at = interval.IsEmpty ? -1 : LastFrom(interval.End.Value - 1);
        return at >= 0 && _byStart.Values[at].Interval.Overlaps(interval) ? _byStart.Values[at] : null;
    }

    /// <summary>The last allocation that begins at or before an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Its place in the list; -1 for none.</returns>
    private int LastFrom(ulong address)
    {
        int low = 0, high = _byStart.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_byStart.Keys[middle] <= address)
                low = middle + 1;
            else
                high = middle;
        }

        return low - 1;
    }
}
