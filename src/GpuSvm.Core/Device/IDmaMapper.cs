// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>Makes host pages reachable by the device, as an IOMMU does. Every map has its unmap (INV-22).</summary>
/// <remarks>Called under the notifier lock: no allocation, no wait.</remarks>
public interface IDmaMapper
{
    /// <summary>Maps a block of host pages.</summary>
    /// <param name="page">The block's first byte, page aligned.</param>
    /// <param name="order">The block's order.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="address">The mapping, protocol <see cref="AddressProtocol.System"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.CopyFailed"/>.</returns>
    SvmStatus Map(DmaPointer page, PageOrder order, bool writable, out DeviceAddress address);

    /// <summary>Undoes one <see cref="Map"/>, or an aligned part of one: parts of what was mapped together may be unmapped apart, each page once.</summary>
    /// <param name="address">What it gave, or a part of that of any order aligned to itself.</param>
    void Unmap(DeviceAddress address);

    /// <summary>Mappings that are live at this moment, in pages.</summary>
    long LivePages { get; }
}
