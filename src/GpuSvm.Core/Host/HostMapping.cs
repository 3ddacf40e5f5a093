// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>One mapping of the host address space, as <see cref="IHostMemory.TryFindMapping"/> answers it. Kernel: struct vm_area_struct.</summary>
/// <param name="Interval">Its whole interval.</param>
/// <param name="IsReadable">Whether the program may read it.</param>
/// <param name="IsWritable">Whether the program may write it.</param>
/// <param name="IsAnonymous">Whether its pages belong to no file, so that they may move to a device.</param>
/// <param name="IsSpecial">Whether it has no ordinary pages, but a device's registers or raw frames: no GPU can mirror it. Kernel: VM_IO, VM_PFNMAP.</param>
/// <param name="HasLostRights">Whether the program has taken a right away of which devices have not been told: <see cref="IHostMemory.NoticeChanges"/> tells them .</param>
public readonly record struct HostMapping(AddressRange Interval, bool IsReadable, bool IsWritable, bool IsAnonymous, bool IsSpecial = false, bool HasLostRights = false);
