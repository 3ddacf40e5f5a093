// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Evicts anything: each candidate with one chance in eight, those that are spared going to the end of the queue. The same seed chooses the same victims.</summary>
/// <param name="seed">The seed.</param>
public sealed class RandomEviction(long seed = 1) : IEvictionPolicy
{
    private const ulong Odds = 8;

    private readonly SeededNumbers _numbers = new(seed);

    /// <inheritdoc/>
    public bool OrdersByUse => false;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => _numbers.Next() % Odds == 0;
}
