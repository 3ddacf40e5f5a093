// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Pagemaps;

/// <summary>A pagemap's hold on its device: taken when the pagemap comes to life, dropped exactly once by deferred work. Kernel: struct drm_pagemap_dev_hold.</summary>
internal sealed class DeviceHold : DeferredWork
{
    private readonly IGpuDevice _device;

    /// <summary>Remembers a hold that was taken.</summary>
    /// <param name="device">The device.</param>
    private DeviceHold(IGpuDevice device) => _device = device;

    /// <summary>Takes a hold.</summary>
    /// <param name="device">The device.</param>
    /// <returns>The hold; <see cref="DeferredWork.Queue"/> drops it. Null if the device is disposed.</returns>
    public static DeviceHold? TryTake(IGpuDevice device) => device.TryHold() ? new DeviceHold(device) : null;

    /// <inheritdoc/>
    protected override void Run() => _device.DropHold();
}
