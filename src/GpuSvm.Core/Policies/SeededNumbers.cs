// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Numbers of chance for policies: SplitMix64, a counter that is mixed. Thread-safe; the same seed gives the same numbers to one thread.</summary>
/// <param name="seed">The seed.</param>
internal sealed class SeededNumbers(long seed)
{
    /// <summary>By how much the counter goes on with each number.</summary>
    internal const ulong Step = 0x9E3779B97F4A7C15;

    private long _drawn = seed; // Interlocked.

    /// <summary>Draws a number.</summary>
    /// <returns>64 bits.</returns>
    public ulong Next() => Mix((ulong)Interlocked.Add(ref _drawn, unchecked((long)Step)));

    /// <summary>Mixes a counter, so that neighbours have nothing in common (splitmix64, Steele and others, OOPSLA 2014).</summary>
    /// <param name="counter">The counter, which goes on by <see cref="Step"/>.</param>
    /// <returns>64 bits.</returns>
    internal static ulong Mix(ulong counter)
    {
        ulong mixed = (counter ^ (counter >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
