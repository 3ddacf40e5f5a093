// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>
/// Brings the 64 KiB around the faulting page, and with it the largest aligned part of the block that is then filled by more than a threshold: who touched more than half will
/// touch the rest. NVIDIA's UVM driver: its tree-based prefetcher.
/// </summary>
/// <remarks>
/// A block of 512 pages touched in order costs 6 faults (at pages 0, 16, 32, 64, 128 and 256), where 64 KiB each would cost 32; touched at random about 14. A block that is touched
/// here and there only is not pulled over whole.
/// </remarks>
public sealed class TreePrefetch : IPrefetchPolicy
{
    /// <summary>The driver's threshold, in percent.</summary>
    public const int DefaultThreshold = 51;

    private readonly int _thresholdPercent;

    /// <summary>Creates the policy.</summary>
    /// <param name="thresholdPercent">How full a part must be to be brought whole: more than this, 1 to 100; 100 brings only what faulted.</param>
    public TreePrefetch(int thresholdPercent = DefaultThreshold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(thresholdPercent, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(thresholdPercent, 100);
        _thresholdPercent = thresholdPercent;
    }

    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts)
    {
        var tree = new DensityTree(facts.Resident, facts.Pages);
        PageRegion faulting = PageRegion.Around(facts.Page, PageOrder.Medium.Value, facts.Pages);
        if (facts.ToPreferredLocation && tree.Count(new PageRegion(0, facts.Pages)) == 0)
            return new PageRegion(0, facts.Pages);
        int coming = faulting.Pages - tree.Count(faulting);
        PageRegion chosen = faulting;
        for (int level = tree.Levels - 1; level >= 0; level--)
        {
            PageRegion subtree = tree.Subtree(facts.Page, level);
            if (subtree.Pages > faulting.Pages && (tree.Count(subtree) + coming) * 100 > subtree.Pages * _thresholdPercent)
                chosen = subtree;
        }

        return chosen;
    }
}
