// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Draws with each fault one page of the same block, each with the same chance, and brings it if it is not there yet: what a prefetcher must beat. The same seed draws the same pages.</summary>
/// <param name="seed">The seed.</param>
/// <remarks>
/// A block touched in order whole faults ln 2 = 0.693 times for each page. When the part x of it has been walked over, let u be the part of the pages ahead that are not there: the next page faults with chance u,
/// and what that draws is ahead and not there with chance (1 - x) u. So u falls by u^2 dx, which is u = 1 / (1 + x), and its integral is ln 2. Drawing among the missing pages alone would halve the faults.
/// </remarks>
public sealed class RandomPrefetch(long seed = 1) : IPrefetchPolicy
{
    private readonly SeededNumbers _numbers = new(seed);

    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts) => new((int)(_numbers.Next() % (ulong)facts.Pages), 1);
}
