// SPDX-License-Identifier: MIT
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>A queue as C sees it.</summary>
/// <param name="owner">The session it belongs to.</param>
/// <param name="device">Whose queue it is.</param>
/// <param name="queue">The device's queue.</param>
/// <param name="vm">The address space in which its launches run; null for the session's first.</param>
internal sealed class SessionQueue(Session owner, SessionDevice device, SoftwareGpuQueue queue, SessionVm? vm)
{
    /// <summary>The session it belongs to.</summary>
    public Session Owner { get; } = owner;

    /// <summary>Whose queue it is.</summary>
    public SessionDevice Device { get; } = device;

    /// <summary>The device's queue.</summary>
    public SoftwareGpuQueue Queue { get; } = queue;

    /// <summary>The address space in which its launches run; null for the session's first.</summary>
    public SessionVm? Vm { get; } = vm;

    /// <summary>The page table through which its launches reach memory.</summary>
    public SoftwareGpuPageTable Table => Vm?.TableOf(Device.Number) ?? Device.Table;

    /// <summary>What was launched in it last; null for nothing. Guarded by the session's gate.</summary>
    public SoftwareGpuLaunch? Last { get; set; }
}
