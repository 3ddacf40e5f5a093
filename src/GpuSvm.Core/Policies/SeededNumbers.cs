// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Numbers of chance for policies: SplitMix64, a counter that is mixed. Thread-safe; the same seed gives the same numbers to one thread.</summary>
/// <param name="seed">The seed.</param>
internal sealed class SeededNumbers(long seed)
{
    private long _drawn = seed; // Interlocked.

    /// <summary>Draws a number.</summary>
    /// <returns>64 bits.</returns>
    public ulong Next()
    {
        ulong mixed = (ulong)Interlocked.Add(ref _drawn, unchecked((long)0x9E3779B97F4A7C15));
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
