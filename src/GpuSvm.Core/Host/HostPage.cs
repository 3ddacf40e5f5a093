// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>What the CPU's page table says of one base page at this moment.</summary>
/// <param name="Pointer">Where a DMA engine reaches the page's bytes; null if absent.</param>
/// <param name="IsPresent">Whether there is a page.</param>
/// <param name="IsWritable">Whether the CPU can write it without a fault: not write-protected, not the zero page.</param>
/// <param name="IsZero">Whether it is the shared page of zeroes.</param>
/// <param name="Order">The order of the CPU's entry that covers it: 0 or 9.</param>
public readonly record struct HostPage(DmaPointer Pointer, bool IsPresent, bool IsWritable, bool IsZero, PageOrder Order);
