// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>Device addresses that were taken together, for pages that are linked one by one. Kernel: struct dma_iova_state.</summary>
/// <param name="Address">The first device address, aligned to the span's size.</param>
/// <param name="Order">The span's length: the smallest power of two that holds the pages asked for.</param>
public readonly record struct DmaReservation(ulong Address, PageOrder Order)
{
    /// <summary>
    /// The page of the span for a virtual page: its number modulo the span's length. So virtual and device address agree in as many low bits as the span has, also
    /// where the interval does not begin at a multiple of its length; no interval that fits the span uses a page twice.
    /// </summary>
    /// <param name="pageNumber">The virtual page.</param>
    /// <returns>From 0 to below the span's length.</returns>
    public int PageFor(ulong pageNumber) => (int)(pageNumber & ((ulong)Order.Pages - 1));
}
