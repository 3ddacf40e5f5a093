// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>
/// A mapper with device addresses of its own, as a device behind an IOMMU has: it can lay host pages side by side that are nothing of the kind, so that an
/// interval of scattered pages needs one mapping. Kernel: dma_iova_try_alloc, dma_iova_link, dma_iova_sync.
/// </summary>
/// <remarks>
/// A reservation is made, its pages are linked in any order, it is sealed once, and from then on it is forgotten: what was linked is unmapped like any other mapping, in
/// aligned parts, each page once, and the span ends with its last page. So a partial unmap, a mapping that is handed over in parts and a mixed interval are nothing special. (The kernel
/// destroys a reservation as a whole and has to know how much of it is linked.)
///
/// Called under the notifier lock: no allocation, no wait. Until it is sealed a reservation is used by one thread.
/// </remarks>
public interface IPackingDmaMapper : IDmaMapper
{
    /// <summary>Takes device addresses for an interval.</summary>
    /// <param name="pages">The interval's length, 1 to 512 pages.</param>
    /// <param name="reservation">The span; to be sealed, whatever happens.</param>
    /// <returns>False if there is no room for it in one piece: the caller maps page by page.</returns>
    bool TryReserve(int pages, out DmaReservation reservation);

    /// <summary>Maps a block of host pages at a place of a reservation.</summary>
    /// <param name="reservation">The reservation, not yet sealed.</param>
    /// <param name="first">The place: a page of the span, aligned to the order, where nothing is linked yet.</param>
    /// <param name="page">The block's first byte, page aligned.</param>
    /// <param name="order">The block's order.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="address">The mapping, protocol <see cref="AddressProtocol.System"/>; to be unmapped after the reservation is sealed.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.CopyFailed"/>; then nothing is linked.</returns>
    SvmStatus Link(in DmaReservation reservation, int first, DmaPointer page, PageOrder order, bool writable, out DeviceAddress address);

    /// <summary>
    /// Says that everything is linked that will be: the device may use it. Pages of the span that were not linked cost nothing once the linked ones have gone; with none
    /// linked the span ends at once.
    /// </summary>
    /// <param name="reservation">The reservation.</param>
    void Seal(in DmaReservation reservation);
}
