// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Linux;

/// <content>What is whose, by our own lists: nothing here asks the kernel.</content>
internal sealed partial class SharedHeap
{
    /// <summary>Whether an interval is an allocation that has not been freed, whatever the program has unmapped of it.</summary>
    /// <param name="interval">Any interval.</param>
    /// <returns>True if <see cref="Free"/> would take it.</returns>
    internal bool IsAllocation(AddressRange interval)
    {
        using (_lock.Enter())
            return _allocations.TryGetValue(interval.Start.Value, out ulong end) && end == interval.End.Value;
    }

    /// <summary>The pieces of an interval that are allocated: what the program has unmapped is left out.</summary>
    /// <param name="interval">Any interval.</param>
    /// <returns>In order of addresses.</returns>
    internal List<AddressRange> PiecesOf(AddressRange interval)
    {
        var pieces = new List<AddressRange>();
        for (VirtualAddress at = interval.Start; TryFindMapped(at, out AddressRange piece) && piece.Start < interval.End; at = piece.End)
            pieces.Add(piece.Intersect(interval));
        return pieces;
    }

    /// <summary>Whether some of an interval is the heap's: not, where the program has unmapped it, for these addresses are never given out again.</summary>
    /// <param name="interval">Any interval.</param>
    /// <returns>True if some is.</returns>
    internal bool IsAnyOurs(AddressRange interval)
    {
        AddressRange inside = Whole.Intersect(interval);
        if (inside.IsEmpty)
            return false;
        using (_lock.Enter())
            return !_lost.Contains(inside.Start.Value, inside.End.Value);
    }

    /// <summary>Finds the first piece of an allocation that ends above an address and was not unmapped.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="interval">The piece.</param>
    /// <returns>False if there is none.</returns>
    internal bool TryFindMapped(VirtualAddress address, out AddressRange interval)
    {
        using (_lock.Enter())
        {
            int index = _mapped.FirstEndingAbove(address.Value);
            bool isFound = index < _mapped.Count;
            interval = isFound ? new AddressRange(new VirtualAddress(_mapped.StartAt(index)), new VirtualAddress(_mapped.EndAt(index))) : default;
            return isFound;
        }
    }

    /// <summary>Whether one mapping holds a whole interval.</summary>
    /// <param name="interval">The interval, not empty.</param>
    /// <returns>True if so.</returns>
    internal bool Covers(AddressRange interval)
    {
        using (_lock.Enter())
            return !interval.IsEmpty && _mapped.Contains(interval.Start.Value, interval.End.Value);
    }
}
