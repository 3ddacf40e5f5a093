// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Faults;

/// <summary>A fault that was refused. Kernel: the entries of Xe's list of faults.</summary>
/// <param name="Address">The address that was touched.</param>
/// <param name="Access">What was tried.</param>
/// <param name="Status">Why it was refused.</param>
/// <param name="Device">The number in the VM of the device that tried it.</param>
/// <param name="Timestamp">When the device raised it, in Stopwatch ticks.</param>
public readonly record struct FailedFault(VirtualAddress Address, MemoryAccess Access, SvmStatus Status, int Device, long Timestamp);
