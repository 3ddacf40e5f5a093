// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>What modelled time goes to.</summary>
public enum ReplayCost
{
    /// <summary>Accesses of devices to their own memory.</summary>
    DeviceAccess,

    /// <summary>Accesses of devices to memory elsewhere.</summary>
    RemoteAccess,

    /// <summary>Accesses of CPU threads.</summary>
    CpuAccess,

    /// <summary>Walks of page tables.</summary>
    PageWalk,

    /// <summary>Faults of devices, without what moves.</summary>
    DeviceFault,

    /// <summary>Faults of CPU threads, without what moves.</summary>
    CpuFault,

    /// <summary>Copies to a device, and from one to another.</summary>
    ToDevice,

    /// <summary>Copies to RAM.</summary>
    ToHost,

    /// <summary>Device memory that is cleared instead of copied.</summary>
    Clear,

    /// <summary>Translations dropped.</summary>
    Invalidation,

    /// <summary>Devices held back by the thrash policy.</summary>
    Throttle,
}
