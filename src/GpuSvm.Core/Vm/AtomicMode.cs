// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>Against whom the atomic operations on memory must hold. Kernel: DRM_XE_ATOMIC_*.</summary>
public enum AtomicMode
{
    /// <summary>Nothing is asked for: the device's own rule.</summary>
    Undefined,

    /// <summary>Among the units of one device: a fault of one brings the pages to the device, whatever placement says; where they cannot come, the device has them in RAM for itself.</summary>
    Device,

    /// <summary>Among CPU threads: a device's atomic fails with <see cref="SvmStatus.AccessDenied"/>.</summary>
    System,

    /// <summary>Among CPU threads and all devices: pages in RAM become the device's alone for it and the CPU's again with its next touch; an atomic that cannot have them alone fails with
    /// <see cref="SvmStatus.AccessDenied"/> rather than doing with a plain mapping.</summary>
    Global,
}
