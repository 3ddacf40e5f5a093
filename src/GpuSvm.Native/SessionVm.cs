// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>A GPU address space beside a session's first, as C sees it.</summary>
/// <param name="owner">The session.</param>
/// <param name="vm">The address space.</param>
internal sealed class SessionVm(Session owner, GpuVm vm)
{
    /// <summary>The session.</summary>
    public Session Owner { get; } = owner;

    /// <summary>The address space.</summary>
    public GpuVm Vm { get; } = vm;

    /// <summary>Its queues that were not destroyed: handles. Guarded by the session's gate.</summary>
    public HashSet<ulong> Queues { get; } = [];

    /// <summary>Whether it takes no more queues and launches. Guarded by the session's gate.</summary>
    public bool IsEnding { get; set; }

    /// <summary>A device's page table for it.</summary>
    /// <param name="device">The device's number.</param>
    /// <returns>The page table.</returns>
    public SoftwareGpuPageTable TableOf(int device) => (SoftwareGpuPageTable)Vm.Devices[device].PageTable;
}
