// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Brings the whole block on its first touch, as Xe does.</summary>
public sealed class WholeRangePrefetch : IPrefetchPolicy
{
    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts) => new(0, facts.Pages);
}
