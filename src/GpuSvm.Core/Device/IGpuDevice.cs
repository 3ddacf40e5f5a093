// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>What a GPU must provide. A backend repeats these names: SoftwareGpuMemory, SoftwareGpuCopyEngine, SoftwareGpuPageTable and so on.</summary>
public interface IGpuDevice : IDisposable
{
    /// <summary>The device's name, for people.</summary>
    string Name { get; }

    /// <summary>Its memory.</summary>
    IDeviceMemory Memory { get; }

    /// <summary>Its copy engine.</summary>
    ICopyEngine CopyEngine { get; }

    /// <summary>Its way to system memory; null for a device that reaches it by the CPU's own addresses and needs no DMA mapping.</summary>
    IDmaMapper? DmaMapper { get; }

    /// <summary>Its fault buffer.</summary>
    IFaultBuffer FaultBuffer { get; }

    /// <summary>Whether the device is unplugged or being so: it takes no new pages, and what is on it is coming home.</summary>
    bool IsUnplugged { get; }

    /// <summary>Begins to take the device away: from now on it takes no new pages, no new mappings of its memory for peers and no new launches. What is on it stays readable
    /// until the device is disposed. Twice is once.</summary>
    void BeginUnplug();

    /// <summary>The group of devices that can reach each other's memory, not 0. Kernel: dev_pagemap.owner.</summary>
    int LinkGroup { get; }

    /// <summary>Keeps the device's memory and engine alive beyond <see cref="IDisposable.Dispose"/>. Kernel: drm_dev_get and try_module_get.</summary>
    /// <returns>False if it is disposed. True: balance with <see cref="DropHold"/>.</returns>
    bool TryHold();

    /// <summary>Ends one hold; the last one after dispose frees the memory.</summary>
    /// <remarks>May free and wait: call it from deferred work, never under a lock.</remarks>
    void DropHold();

    /// <summary>Makes frames of this device's memory reachable for a peer over whatever links the two.</summary>
    /// <param name="peer">Who will access them.</param>
    /// <param name="first">The first frame, aligned to the order.</param>
    /// <param name="order">How many.</param>
    /// <param name="writable">Whether the peer may write.</param>
    /// <param name="address">The mapping, protocol <see cref="AddressProtocol.Peer"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotSupported"/> without a link; <see cref="SvmStatus.DeviceGone"/>; <see cref="SvmStatus.CopyFailed"/>.</returns>
    /// <remarks>Called under the notifier lock: no allocation, no wait.</remarks>
    SvmStatus MapForPeer(IGpuDevice peer, DeviceFrame first, PageOrder order, bool writable, out DeviceAddress address);

    /// <summary>Undoes one <see cref="MapForPeer"/>, or an aligned part of one: each page once.</summary>
    /// <param name="peer">The same peer.</param>
    /// <param name="address">What it gave, or a part of that of any order aligned to itself.</param>
    void UnmapForPeer(IGpuDevice peer, DeviceAddress address);

    /// <summary>Pages of this device's memory that peers have mapped at this moment.</summary>
    long LivePeerPages { get; }

    /// <summary>Makes an empty page table for a new GPU address space.</summary>
    /// <param name="addressSpaceId">The number that faults of this space carry.</param>
    /// <returns>The page table; the caller disposes it after the last launch in it has ended.</returns>
    IDevicePageTable CreatePageTable(out int addressSpaceId);
}
