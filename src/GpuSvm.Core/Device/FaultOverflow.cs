// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>Faults that found no place in a device's buffer since that was last asked.</summary>
/// <param name="Faults">How many.</param>
/// <param name="Address">The address of the newest.</param>
/// <param name="AddressSpaceId">Its address space.</param>
public readonly record struct FaultOverflow(long Faults, VirtualAddress Address, int AddressSpaceId);
