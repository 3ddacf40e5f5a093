// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>Brings no more than the aligned group of pages that faulted: nothing is prefetched.</summary>
public sealed class FaultingPagesPrefetch : IPrefetchPolicy
{
    private readonly PageOrder _group;

    /// <summary>Creates the policy for groups of 64 KiB.</summary>
    public FaultingPagesPrefetch()
        : this(PageOrder.Medium)
    {
    }

    /// <summary>Creates the policy.</summary>
    /// <param name="group">What moves with the faulting page: order 0 for the page alone, 4 for its 64 KiB.</param>
    public FaultingPagesPrefetch(PageOrder group) => _group = group;

    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts) => PageRegion.Around(facts.Page, _group.Value, facts.Pages);
}
