// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Vm;

/// <summary>Memory that a job uses, as it names it in a VM without faults.</summary>
/// <param name="Interval">GPU addresses: shared memory, or a user pointer's or a part of it; widened to whole pages. Not empty, and inside one window.</param>
/// <param name="Access">The strongest access.</param>
public readonly record struct JobMemory(AddressRange Interval, MemoryAccess Access);
