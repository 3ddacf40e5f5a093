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

    /// <summary>Unmaps what an event has made stale, whole or in part, if the flush that it needs has passed.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    /// <param name="waited">The flush that has passed.</param>
    /// <returns>The flush to wait for before this is called again; 0 if nothing is stale any more.</returns>
    internal ulong UnmapStaleLocked(SvmNotifier notifier, ulong waited)
    {
        if (!IsStale && !IsPartStale)
            return 0;
        if (Invalidation > waited)
            return Invalidation;
        if (IsStale)
            UnmapLocked(notifier);
        else
            UnmapPartLocked(notifier);
        return 0;
    }
}
