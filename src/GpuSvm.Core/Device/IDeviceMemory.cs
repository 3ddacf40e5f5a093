// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>A device's own memory as blocks of power-of-two pages. It knows no virtual address and no owner.</summary>
/// <remarks>Thread-safe. Locking: implementations take rank DeviceMemory inside and call nothing outward.</remarks>
public interface IDeviceMemory
{
    /// <summary>The memory's size in base pages.</summary>
    int Pages { get; }

    /// <summary>Pages that are free at this moment.</summary>
    int FreePages { get; }

    /// <summary>Takes a block, aligned to its own size. Its contents are whatever they were.</summary>
    /// <param name="order">The block's order, at most 9.</param>
    /// <param name="first">The block's first frame.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.OutOfDeviceMemory"/>: evict and try again.</returns>
    SvmStatus Allocate(PageOrder order, out DeviceFrame first);

    /// <summary>Gives a block back.</summary>
    /// <param name="first">The first frame, as <see cref="Allocate"/> gave it.</param>
    /// <param name="order">The same order.</param>
    void Free(DeviceFrame first, PageOrder order);

    /// <summary>
    /// Gives frames of taken blocks back while their neighbours stay taken: a block that keeps some is cut into smaller ones. Kernel: drm_buddy_block_trim,
    /// split_page.
    /// </summary>
    /// <param name="first">The first frame.</param>
    /// <param name="pages">How many frames in a row, at least 1; all taken, of one block or of several.</param>
    void FreePart(DeviceFrame first, int pages);

    /// <summary>Whether the device has accessed frames since they were last asked for; the marks are taken away. Kernel and hardware: accessed bits, access counters.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="pages">How many in a row.</param>
    /// <returns>True if one of them, or one beside them that shares a mark, was used; false also where the device does not know. Advice: a mark may be lost or late.</returns>
    /// <remarks>Locking: takes none, for its caller holds one of rank DeviceMemory.</remarks>
    bool TakeUse(DeviceFrame first, int pages);
}
