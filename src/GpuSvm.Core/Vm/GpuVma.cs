// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A window of a GPU address space. Now there is one kind: it mirrors the CPU's addresses. Kernel: struct xe_vma.</summary>
public sealed class GpuVma : IntervalNode<GpuVma>
{
    /// <summary>Creates a window that mirrors the CPU's addresses.</summary>
    /// <param name="interval">Its interval, page aligned.</param>
    public GpuVma(AddressRange interval) => Interval = interval;
}
