// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Pagemaps;

/// <summary>What belongs to a device's life: a cache for each address space that its memory serves, and the list of idle pagemaps. Ends with the device.</summary>
/// <remarks>Found by device and address space through weak tables, so that neither is kept alive by having been used with the other.</remarks>
public sealed class DevicePagemaps
{
    private static readonly ConditionalWeakTable<IGpuDevice, DevicePagemaps> _devices = [];

    private readonly ConditionalWeakTable<HostAddressSpace, PagemapCache> _caches = [];
    private readonly IGpuDevice _device;

    /// <summary>Creates the caches of a device.</summary>
    /// <param name="device">The device.</param>
    private DevicePagemaps(IGpuDevice device) => _device = device;

    /// <summary>How those in use share the device's memory.</summary>
    public DeviceShares Shares { get; } = new();

    /// <summary>The device's idle pagemaps.</summary>
    public PagemapShrinker Shrinker { get; } = new();

    /// <summary>What belongs to a device.</summary>
    /// <param name="device">The device.</param>
    /// <returns>The same object for every call.</returns>
    public static DevicePagemaps Of(IGpuDevice device) => _devices.GetValue(device, static key => new DevicePagemaps(key));

    /// <summary>The cache of a device's pagemap for an address space.</summary>
    /// <param name="host">The address space.</param>
    /// <returns>The same cache for every call.</returns>
    public PagemapCache CacheFor(HostAddressSpace host) => _caches.GetValue(host, key => new PagemapCache(key, _device, Shrinker));

    /// <summary>Ends every cache of a device that goes away: idle pagemaps are destroyed, those in use when their last reference goes. Kernel: device-managed release.</summary>
    /// <param name="device">The device, unplugged.</param>
    public static void Close(IGpuDevice device)
    {
        if (!_devices.TryGetValue(device, out DevicePagemaps? pagemaps))
            return;
        foreach ((HostAddressSpace _, PagemapCache cache) in pagemaps._caches)
            cache.Close(isAtomic: false);
        pagemaps.Shrinker.Scan(int.MaxValue);
        DeferredWork.Flush();
    }
}
