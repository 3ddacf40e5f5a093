// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Evicts by the order of faults, and with a victim the largest aligned part of its 2 MiB that is then less than half full: what has begun to leave goes on leaving, in pieces
/// that grow, as the tree prefetcher brings it. Ganguly et al., ISCA 2019: tree-based neighbourhood eviction.
/// </summary>
public sealed class TreeEviction : IWideningEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => true;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => true;

    /// <inheritdoc/>
    public PageRegion Widen(in EvictionBlockFacts facts)
    {
        var tree = new DensityTree(facts.Resident, facts.Pages);
        for (int level = 0; level < tree.Levels; level++)
        {
            PageRegion subtree = tree.Subtree(facts.Victim.First, level);
            if (subtree.Pages > facts.Victim.Pages && tree.Count(subtree) * 2 < subtree.Pages)
                return subtree;
        }

        return facts.Victim;
    }
}
