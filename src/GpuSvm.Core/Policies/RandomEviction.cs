// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Evicts anything: each candidate with one chance in eight, those that are spared going to the end of the queue. The same seed chooses the same victims.</summary>
/// <param name="seed">The seed.</param>
public sealed class RandomEviction(long seed = 1) : IEvictionPolicy
{
    private const ulong Odds = 8;

    private long _drawn = seed; // Interlocked.

    /// <inheritdoc/>
    public bool OrdersByUse => false;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts)
    {
        // SplitMix64: a counter, mixed.
        ulong mixed = (ulong)Interlocked.Add(ref _drawn, unchecked((long)0x9E3779B97F4A7C15));
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return (mixed ^ (mixed >> 31)) % Odds == 0;
    }
}
