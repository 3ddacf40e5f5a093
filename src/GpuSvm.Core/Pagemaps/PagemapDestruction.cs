// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>The end of a pagemap whose last reference went where its index could not be given up.</summary>
/// <param name="pagemap">The pagemap, idle and on no list.</param>
internal sealed class PagemapDestruction(Pagemap pagemap) : DeferredWork
{
    /// <inheritdoc/>
    protected override void Run() => pagemap.Destroy(isAtomic: false);
}
