// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>
/// A small counter-based random source: number i of a seed can be had without the numbers before it, so threads that each fill a slice give the same
/// data whatever their number.
/// </summary>
/// <param name="Seed">What distinguishes one sequence from another.</param>
public readonly record struct SplitMix(ulong Seed)
{
    /// <summary>Number <paramref name="index"/> of the sequence, all 64 bits well mixed.</summary>
    /// <param name="index">Which number; any value.</param>
    public ulong At(ulong index)
    {
        var state = (Seed * 0xD1342543DE82EF95UL) + ((index + 1) * 0x9E3779B97F4A7C15UL);
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9UL;
        state = (state ^ (state >> 27)) * 0x94D049BB133111EBUL;
        return state ^ (state >> 31);
    }

    /// <summary>Number <paramref name="index"/> scaled to 0 .. <paramref name="bound"/> - 1.</summary>
    /// <param name="index">Which number.</param>
    /// <param name="bound">One above the largest result; at least 1.</param>
    public long Below(ulong index, long bound) => (long)Math.BigMul(At(index), (ulong)bound, out _);

    /// <summary>A random order of 0 .. <paramref name="count"/> - 1 (Fisher-Yates), the same for the same seed.</summary>
    /// <param name="count">How many.</param>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var index = 0; index < count; index++)
        {
            var other = (int)Below((ulong)index, index + 1);
            order[index] = order[other];
            order[other] = index;
        }

        return order;
    }
}
