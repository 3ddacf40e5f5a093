// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A compute unit's cache of translations: for each size class a small set-associative array, four entries (one cache line) a set, tagged by the number of the block in
/// its size. The newest entry of a set stands first, the oldest falls out. An entry holds the pointer of the block's first byte with three flags in its low bits.
/// </summary>
/// <remarks>Used by its unit's thread alone. Holds translations of one address space at a time. Reach when full: 2 MiB, 16 MiB and 512 MiB.</remarks>
internal sealed unsafe class SoftwareGpuTlb
{
    /// <summary>Flag in an entry's pointer: units may write.</summary>
    internal const ulong WritableFlag = 1;

    /// <summary>Flag in an entry's pointer: the page is the program's, touch it only preemptively.</summary>
    internal const ulong SystemFlag = 2;

    /// <summary>Flag in an entry's pointer: units may use it for atomics.</summary>
    internal const ulong AtomicFlag = 4;

    /// <summary>All flags.</summary>
    internal const ulong Flags = WritableFlag | SystemFlag | AtomicFlag;

    /// <summary>log2 of a block's bytes in each size class.</summary>
    internal const int SmallShift = PageSize.Shift;

    /// <summary>log2 of 64 KiB.</summary>
    internal const int MediumShift = 16;

    /// <summary>log2 of 2 MiB.</summary>
    internal const int HugeShift = 21;

    private const int Ways = 4;
    private const int WordsPerSet = Ways * 2; // Tag and pointer of each way.
    private const int SmallSets = 128;
    private const int MediumSets = 64;
    private const int HugeSets = 64;
    private const int LineWords = 8;

    private readonly ulong[] _words = GC.AllocateArray<ulong>((SmallSets + MediumSets + HugeSets) * WordsPerSet + LineWords, pinned: true);
    private readonly ulong* _small;
    private readonly ulong* _medium;
    private readonly ulong* _huge;
    private bool _hasSmall;
    private bool _hasMedium;
    private bool _hasHuge;

    /// <summary>Makes an empty TLB.</summary>
    internal SoftwareGpuTlb()
    {
        // SAFETY: the array is pinned for its life and this object keeps it; it is one line longer than needed, so that sets start on lines.
        nint start = Marshal.UnsafeAddrOfPinnedArrayElement(_words, 0);
        _huge = (ulong*)((start + 63) & ~63);
        _medium = _huge + HugeSets * WordsPerSet;
        _small = _medium + MediumSets * WordsPerSet;
    }

    /// <summary>Finds a translation.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="pointer">The block's first byte with flags.</param>
    /// <param name="shift">log2 of the block's bytes.</param>
    /// <returns>False if there is none.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryFind(ulong address, out ulong pointer, out int shift)
    {
        shift = HugeShift;
        if (_hasHuge && TryFindIn(_huge, HugeSets, address >> HugeShift, out pointer))
            return true;
        shift = MediumShift;
        if (_hasMedium && TryFindIn(_medium, MediumSets, address >> MediumShift, out pointer))
            return true;
        shift = SmallShift;
        if (_hasSmall && TryFindIn(_small, SmallSets, address >> SmallShift, out pointer))
            return true;
        pointer = 0;
        return false;
    }

    /// <summary>Adds a translation; the oldest of its set falls out.</summary>
    /// <param name="address">Any address of the block.</param>
    /// <param name="size">The block's size class.</param>
    /// <param name="pointer">The block's first byte with flags.</param>
    internal void Insert(ulong address, SoftwareGpuPageClass size, ulong pointer)
    {
        switch (size)
        {
            case SoftwareGpuPageClass.Huge:
                _hasHuge = true;
                InsertIn(_huge, HugeSets, address >> HugeShift, pointer);
                break;
            case SoftwareGpuPageClass.Medium:
                _hasMedium = true;
                InsertIn(_medium, MediumSets, address >> MediumShift, pointer);
                break;
            default:
                _hasSmall = true;
                InsertIn(_small, SmallSets, address >> SmallShift, pointer);
                break;
        }
    }

    /// <summary>Drops every translation that overlaps an interval.</summary>
    /// <param name="start">Its first byte.</param>
    /// <param name="end">The byte after its last, above start.</param>
    internal void Drop(ulong start, ulong end)
    {
        if (_hasHuge)
            DropIn(_huge, HugeSets, start >> HugeShift, (end - 1) >> HugeShift);
        if (_hasMedium)
            DropIn(_medium, MediumSets, start >> MediumShift, (end - 1) >> MediumShift);
        if (_hasSmall)
            DropIn(_small, SmallSets, start >> SmallShift, (end - 1) >> SmallShift);
    }

    /// <summary>Drops everything.</summary>
    internal void DropAll()
    {
        Array.Clear(_words);
        _hasSmall = _hasMedium = _hasHuge = false;
    }

    /// <summary>Looks through one set. A tag is the block's number plus one, so that zeroed memory is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFindIn(ulong* array, int sets, ulong number, out ulong pointer)
    {
        ulong* set = array + (number & (ulong)(sets - 1)) * WordsPerSet;
        ulong tag = number + 1;
        if (set[0] == tag)
            pointer = set[1];
        else if (set[2] == tag)
            pointer = set[3];
        else if (set[4] == tag)
            pointer = set[5];
        else if (set[6] == tag)
            pointer = set[7];
        else
        {
            pointer = 0;
            return false;
        }

        return true;
    }

    /// <summary>Puts an entry first in its set.</summary>
    private static void InsertIn(ulong* array, int sets, ulong number, ulong pointer)
    {
        ulong* set = array + (number & (ulong)(sets - 1)) * WordsPerSet;
        for (int word = WordsPerSet - 1; word >= 2; word--)
            set[word] = set[word - 2];
        set[0] = number + 1;
        set[1] = pointer;
    }

    /// <summary>Clears the entries of blocks first to last; looks block by block where that is less work than going through all.</summary>
    private static void DropIn(ulong* array, int sets, ulong first, ulong last)
    {
        if (last - first < (ulong)sets / 2)
        {
            for (ulong number = first; number <= last; number++)
            {
                ulong* set = array + (number & (ulong)(sets - 1)) * WordsPerSet;
                for (int word = 0; word < WordsPerSet; word += 2)
                {
                    if (set[word] == number + 1)
                        set[word] = 0;
                }
            }

            return;
        }

        for (int word = 0; word < sets * WordsPerSet; word += 2)
        {
            if (array[word] > first && array[word] <= last + 1)
                array[word] = 0;
        }
    }
}
