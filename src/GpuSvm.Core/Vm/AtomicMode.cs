// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>Against whom the atomic operations on memory must hold. Kernel: DRM_XE_ATOMIC_*.</summary>
public enum AtomicMode
{
    /// <summary>Nothing is asked for: the device's own rule.</summary>
    Undefined,

    /// <summary>Among the units of one device: the memory belongs there while it uses atomics.</summary>
    Device,

    /// <summary>Among CPU threads: device atomics are not wanted.</summary>
    System,

    /// <summary>Among CPU threads and all devices.</summary>
    Global,
}
