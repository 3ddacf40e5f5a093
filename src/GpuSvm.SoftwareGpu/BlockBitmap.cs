// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A set of block numbers that finds its smallest member in a few steps: a tree of bit words in which a parent's bit says "that word is not empty".
/// </summary>
/// <remarks>Not thread-safe. Allocates only when made.</remarks>
internal sealed class BlockBitmap
{
    private readonly ulong[][] _levels;

    /// <summary>Makes an empty set of numbers 0 to count-1.</summary>
    /// <param name="count">How many numbers there can be; 0 counts as 1.</param>
    internal BlockBitmap(int count)
    {
        List<ulong[]> levels = [];
        long words = Math.Max(count, 1);
        do
        {
            words = (words + 63) >> 6;
            levels.Add(new ulong[words]);
        }
        while (words > 1);
        _levels = [.. levels];
    }

    /// <summary>Whether the set has no member.</summary>
    internal bool IsEmpty => _levels[^1][0] == 0;

    /// <summary>Adds a number.</summary>
    /// <param name="number">Inside the range given when made.</param>
    internal void Add(int number)
    {
        foreach (ulong[] words in _levels)
        {
            ref ulong word = ref words[number >> 6];
            bool wasEmpty = word == 0;
            word |= 1UL << (number & 63);
            if (!wasEmpty)
                return;
            number >>= 6;
        }
    }

    /// <summary>Removes a number.</summary>
    /// <param name="number">A member.</param>
    internal void Remove(int number)
    {
        foreach (ulong[] words in _levels)
        {
            ref ulong word = ref words[number >> 6];
            word &= ~(1UL << (number & 63));
            if (word != 0)
                return;
            number >>= 6;
        }
    }

    /// <summary>The smallest member.</summary>
    /// <returns>The number; the set must not be empty.</returns>
    internal int First()
    {
        int number = 0;
        for (int level = _levels.Length - 1; level >= 0; level--)
            number = (number << 6) + BitOperations.TrailingZeroCount(_levels[level][number]);
        return number;
    }
}
