// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Where pages can be sent by <see cref="SharedMemory.Prefetch{T}(SharedArray{T}, MemoryLocation)"/>. The memory of device n is <see cref="MemoryLocations.OfDevice"/>. Values are the C ABI's.</summary>
public enum MemoryLocation
{
    /// <summary>The device's own memory; where there are several, device 0's.</summary>
    Device = 0,

    /// <summary>System memory, where the CPU reaches them without a fault.</summary>
    System = 1,
}
