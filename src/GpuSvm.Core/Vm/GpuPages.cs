// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>A pages object with what its device's page table shows of it.</summary>
/// <param name="device">Whose mapping it is.</param>
/// <remarks>It still knows no range: the same object serves a range and a user pointer.</remarks>
public sealed class GpuPages(IGpuDevice device) : SvmPages(device)
{
    /// <summary>Whether the page table shows the pages. Guarded by Notifier.</summary>
    public bool IsBound { get; internal set; }

    /// <summary>The TLB invalidation that must have passed before what was zapped last may be unmapped. Guarded by Notifier.</summary>
    internal ulong Invalidation { get; set; }

    /// <summary>What was cleared from the page table when a part of the interval was unmapped: it may reach beyond the part, for large entries go whole. Guarded by Notifier.</summary>
    internal AddressRange Cleared { get; set; }
}
