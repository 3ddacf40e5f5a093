// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Host;

/// <summary>Who keeps pages of the host address space on a device, and brings them back. Kernel: struct dev_pagemap with its ops.</summary>
public interface IDevicePageOwner
{
    /// <summary>Which owner group it belongs to, not 0; HMM walks for that group see its pages. Kernel: dev_pagemap.owner.</summary>
    int OwnerToken { get; }

    /// <summary>Somebody needs a page in RAM: bring it, and what is worth bringing with it, home.</summary>
    /// <param name="address">The page.</param>
    /// <param name="entry">Its entry as just seen; it may be stale by now.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>: the page is home, or its entry has changed (look again). <see cref="SvmStatus.Busy"/>: another migration holds it.
    /// <see cref="SvmStatus.CopyFailed"/> or <see cref="SvmStatus.OutOfHostMemory"/>: it is still on the device, unharmed.</returns>
    SvmStatus MigrateToRam(VirtualAddress address, PageEntry entry, MigrationCause cause);

    /// <summary>Makes frames reachable for a device: its own, or a peer with a link. Kernel: drm_pagemap_ops.device_map.</summary>
    /// <param name="device">Who will access them.</param>
    /// <param name="frame">The first frame, aligned to the order.</param>
    /// <param name="order">How many.</param>
    /// <param name="writable">Whether it may write.</param>
    /// <param name="address">The mapping; its protocol says how the device reaches it.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotSupported"/> without a link between the two; <see cref="SvmStatus.DeviceGone"/>; <see cref="SvmStatus.CopyFailed"/>.</returns>
    /// <remarks>Called under the notifier lock: no allocation, no wait. Every map has its unmap (INV-22).</remarks>
    SvmStatus MapFor(IGpuDevice device, DeviceFrame frame, PageOrder order, bool writable, out DeviceAddress address);

    /// <summary>Undoes one <see cref="MapFor"/>, or an aligned part of one, each page once.</summary>
    /// <param name="device">The same device.</param>
    /// <param name="address">What it gave, or a part of that.</param>
    void UnmapFor(IGpuDevice device, DeviceAddress address);

    /// <summary>The host address space no longer refers to device frames: their mapping is gone, or their bytes have moved.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="pages">How many frames in a row.</param>
    void ReleaseFrames(DeviceFrame first, int pages);

    /// <summary>The order of the block that a frame lies in, as far as all of it is still one piece. Advice for reports.</summary>
    /// <param name="frame">A frame that holds a page.</param>
    /// <returns>The order; 0 where it cannot be told.</returns>
    PageOrder OrderOf(DeviceFrame frame) => PageOrder.Small;
}
