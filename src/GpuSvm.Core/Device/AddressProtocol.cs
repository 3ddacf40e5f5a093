// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Device;

/// <summary>How a device reaches the memory behind a <see cref="DeviceAddress"/>. Kernel: enum drm_interconnect_protocol.</summary>
public enum AddressProtocol
{
    /// <summary>System memory through DMA: the address is a DMA address.</summary>
    System = 0,

    /// <summary>The device's own memory: the address is a byte offset into it.</summary>
    LocalMemory = 1,

    /// <summary>A peer device's memory over an interconnect: the address is what the peer's mapping returned.</summary>
    Peer = 2,
}
