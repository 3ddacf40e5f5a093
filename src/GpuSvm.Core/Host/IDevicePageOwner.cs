// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

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

    /// <summary>The host address space no longer refers to device frames: their mapping is gone, or their bytes have moved.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="pages">How many frames in a row.</param>
    void ReleaseFrames(DeviceFrame first, int pages);
}
