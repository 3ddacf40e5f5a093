// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>Brings the 64 KiB around the faulting page and those that follow it in the block.</summary>
/// <param name="following">How many groups of 64 KiB come along.</param>
public sealed class SequentialPrefetch(int following = 1) : IPrefetchPolicy
{
    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts)
    {
        PageRegion faulting = PageRegion.Around(facts.Page, PageOrder.Medium.Value, facts.Pages);
        return faulting with { Pages = Math.Min(faulting.Pages + (following * PageOrder.Medium.Pages), facts.Pages - faulting.First) };
    }
}
