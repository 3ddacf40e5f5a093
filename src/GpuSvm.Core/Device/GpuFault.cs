// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>One entry of a device's fault buffer: an access that found no usable translation and waits for a replay.</summary>
/// <param name="Address">The faulting address.</param>
/// <param name="Access">What was tried.</param>
/// <param name="AddressSpaceId">Which GPU address space, as its page table was numbered.</param>
/// <param name="Token">The device's own mark of who waits; handed back with the acknowledge.</param>
/// <param name="Timestamp">Stopwatch ticks at which the fault was raised.</param>
/// <param name="IsPrefetch">Whether the device raised it ahead of need: nobody waits for it, so a refusal fails nothing, and one that was overtaken is not put back. Kernel: Xe's and UVM's prefetch faults.</param>
/// <remarks>Laid out as the runtime likes: smaller, and faults are copied and compared by the thousand.</remarks>
[StructLayout(LayoutKind.Auto)]
public readonly record struct GpuFault(VirtualAddress Address, MemoryAccess Access, int AddressSpaceId, int Token, long Timestamp, bool IsPrefetch = false);
