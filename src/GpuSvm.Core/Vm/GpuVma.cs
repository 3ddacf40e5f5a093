// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A window of a GPU address space: it mirrors the CPU's addresses, or shows a user pointer at an address of its own. Kernel: struct xe_vma.</summary>
public sealed class GpuVma : IntervalNode<GpuVma>
{
    /// <summary>Creates a window that mirrors the CPU's addresses.</summary>
    /// <param name="interval">Its interval, page aligned.</param>
    public GpuVma(AddressRange interval) => Interval = interval;

    /// <summary>Creates a window of a user pointer.</summary>
    /// <param name="userptr">The user pointer.</param>
    internal GpuVma(GpuUserptr userptr)
    {
        Userptr = userptr;
        Interval = userptr.GpuInterval;
    }

    /// <summary>The user pointer that it shows; null for a mirror.</summary>
    public GpuUserptr? Userptr { get; }
}
