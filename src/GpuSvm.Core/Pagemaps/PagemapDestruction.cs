// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>The end of a pagemap whose last reference went where its index could not be given up. Made with the pagemap, since nothing may be allocated there.</summary>
/// <param name="pagemap">The pagemap; idle and on no list once this is queued.</param>
internal sealed class PagemapDestruction(Pagemap pagemap) : DeferredWork
{
    /// <inheritdoc/>
    protected override void Run() => pagemap.GiveUpIndex();
}
