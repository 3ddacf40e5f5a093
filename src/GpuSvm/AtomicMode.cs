// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Against whom atomic operations of kernels must hold. Values are the C ABI's.</summary>
public enum AtomicMode
{
    /// <summary>The device's own rule.</summary>
    Undefined = 1,

    /// <summary>The device's units: pages come to it.</summary>
    Device = 2,

    /// <summary>CPU threads alone: an atomic of a kernel fails with <see cref="StatusCode.AccessDenied"/>.</summary>
    System = 3,

    /// <summary>CPU threads and devices: a page is one side's alone until the other touches it.</summary>
    Global = 4,
}
