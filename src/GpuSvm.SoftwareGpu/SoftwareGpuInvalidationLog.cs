// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The last invalidations of one address space, numbered from 1. Units compare the newest number with the one they have seen at the start of each access, one
/// load of a line that is seldom written, and drop what the entries in between name; who has missed more than the log holds drops everything.
/// </summary>
/// <remarks>One writer at a time (the page table's log lock), any number of readers without a lock. Lives in the pinned heap, so that readers keep a plain pointer.</remarks>
internal sealed unsafe class SoftwareGpuInvalidationLog
{
    /// <summary>Entries kept; a power of two.</summary>
    internal const int Capacity = 32;

    private const int HeaderWords = 16; // The number stands alone in its cache lines.

    private readonly ulong[] _words = GC.AllocateArray<ulong>(HeaderWords * 2 + 2 * Capacity, pinned: true);
    private readonly ulong* _newest;
    private readonly ulong* _entries;

    /// <summary>Makes an empty log.</summary>
    internal SoftwareGpuInvalidationLog()
    {
        // SAFETY: the array is pinned for its life, and this object keeps it.
        ulong* words = (ulong*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_words, 0);
        _newest = words + HeaderWords / 2;
        _entries = words + HeaderWords * 2;
    }

    /// <summary>Where the newest number is; lives as long as this object.</summary>
    internal ulong* Newest => _newest;

    /// <summary>Adds an entry.</summary>
    /// <param name="interval">What to drop.</param>
    /// <returns>Its number.</returns>
    /// <remarks>Locking: the caller holds the table's log lock.</remarks>
    internal ulong AppendLocked(AddressRange interval)
    {
        ulong number = *_newest + 1;
        ulong* entry = _entries + number % Capacity * 2;
        Volatile.Write(ref entry[0], interval.Start.Value);
        Volatile.Write(ref entry[1], interval.End.Value);
        Volatile.Write(ref *_newest, number); // Release: who sees the number sees the entry, and the page table as the zap left it.
        return number;
    }

    /// <summary>Drops from a TLB what was invalidated since.</summary>
    /// <param name="seen">The newest number that the TLB has been cleared of.</param>
    /// <param name="tlb">The TLB.</param>
    /// <returns>The newest number that it is cleared of now.</returns>
    internal ulong Apply(ulong seen, SoftwareGpuTlb tlb)
    {
        ulong newest = Volatile.Read(ref *_newest); // Pairs with AppendLocked.
        if (newest - seen < Capacity / 2)
        {
            for (ulong number = seen + 1; number <= newest; number++)
            {
                ulong* entry = _entries + number % Capacity * 2;
                tlb.Drop(Volatile.Read(ref entry[0]), Volatile.Read(ref entry[1]));
            }

            // The writer of number n overwrites n - Capacity after n - 1 was published: what was read is whole if that cannot have begun.
            if (Volatile.Read(ref *_newest) - seen < Capacity)
                return newest;
        }

        tlb.DropAll();
        return newest;
    }
}
