// SPDX-License-Identifier: MIT
using CsCheck;

namespace GpuSvm.Linux.Tests;

/// <summary>The interval set against a plain array of bits.</summary>
public sealed class IntervalSetTests
{
    private const int Universe = 64;

    [Fact]
    public void AnySequenceOfAddAndSubtractMatchesAnArrayOfBits() =>
        Gen.Select(Gen.Bool, Gen.Int[0, Universe], Gen.Int[0, Universe]).Array[0, 40].Sample(steps =>
        {
            var set = new IntervalSet();
            bool[] bits = new bool[Universe];
            foreach ((bool add, int a, int b) in steps)
            {
                ulong start = (ulong)Math.Min(a, b), end = (ulong)Math.Max(a, b);
                if (add)
                    set.Add(start, end);
                else
                    set.Subtract(start, end);
                Array.Fill(bits, add, (int)start, (int)(end - start));
                if (!Matches(set, bits))
                    return false;
            }

            return true;
        });

    /// <summary>Whether set and bits say the same, the set is in order and nothing in it touches.</summary>
    private static bool Matches(IntervalSet set, bool[] bits)
    {
        for (int i = 0; i < set.Count; i++)
        {
            if (set.StartAt(i) >= set.EndAt(i) || (i > 0 && set.StartAt(i) <= set.EndAt(i - 1)))
                return false;
        }

        for (int address = 0; address < bits.Length; address++)
        {
            int index = set.FirstEndingAbove((ulong)address);
            bool isIn = index < set.Count && set.StartAt(index) <= (ulong)address;
            if (isIn != bits[address] || set.Contains((ulong)address, (ulong)address + 1) != bits[address])
                return false;
        }

        return true;
    }
}
