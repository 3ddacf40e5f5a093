// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Simulation;

/// <summary>A set of frame or block numbers that finds its smallest member, so that allocation is deterministic.</summary>
/// <remarks>Locking: none; whoever owns it guards it.</remarks>
internal sealed class FrameBitmap
{
    private readonly ulong[] _words;

    // No word below this one has a bit set.
    private int _firstWord;

    /// <summary>Makes an empty set.</summary>
    /// <param name="size">One more than the largest member it will hold.</param>
    public FrameBitmap(int size)
    {
        _words = new ulong[(size + 63) / 64];
        _firstWord = _words.Length;
    }

    /// <summary>Whether a number is in the set.</summary>
    /// <param name="number">Any number below the size; above it the answer is no.</param>
    /// <returns>True if it is.</returns>
    public bool Contains(int number) => number >> 6 < _words.Length && (_words[number >> 6] >> (number & 63) & 1) != 0;

    /// <summary>Puts a number in; putting it in twice is harmless.</summary>
    /// <param name="number">A number below the size.</param>
    public void Add(int number)
    {
        int word = number >> 6;
        _words[word] |= 1UL << (number & 63);
        if (word < _firstWord)
            _firstWord = word;
    }

    /// <summary>Takes a number out, if it is in.</summary>
    /// <param name="number">A number below the size.</param>
    /// <returns>Whether it was in.</returns>
    public bool Remove(int number)
    {
        if (!Contains(number))
            return false;
        _words[number >> 6] &= ~(1UL << (number & 63));
        return true;
    }

    /// <summary>Takes the smallest number out.</summary>
    /// <param name="number">The number.</param>
    /// <returns>False if the set is empty.</returns>
    public bool TryTakeFirst(out int number)
    {
        for (; _firstWord < _words.Length; _firstWord++)
        {
            ulong word = _words[_firstWord];
            if (word == 0)
                continue;
            number = (_firstWord << 6) + BitOperations.TrailingZeroCount(word);
            _words[_firstWord] = word & (word - 1);
            return true;
        }

        number = 0;
        return false;
    }
}
