// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Where pages would rather be. Values are the C ABI's.</summary>
public enum PreferredLocation
{
    /// <summary>Nowhere in particular: policies decide.</summary>
    None = 1,

    /// <summary>System memory: kernels reach them there.</summary>
    System = 2,

    /// <summary>The device; where there are several, device 0, and device n is <see cref="Device"/> + n.</summary>
    Device = 3,
}
