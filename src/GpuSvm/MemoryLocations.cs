// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Locations of memories with several devices.</summary>
public static class MemoryLocations
{
    private const int MostDevices = 8; // As gpusvm_open takes.

    /// <summary>The memory of a device.</summary>
    /// <param name="device">Its number, from 0; at most 7.</param>
    /// <returns>The location; <see cref="MemoryLocation.Device"/> for 0.</returns>
    public static MemoryLocation OfDevice(int device)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(device);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(device, MostDevices);
        return device == 0 ? MemoryLocation.Device : MemoryLocation.System + device; // GPUSVM_LOCATION_DEVICE.
    }

    /// <summary>The device of a location.</summary>
    /// <param name="location">A location.</param>
    /// <returns>The device's number; -1 for system memory and for what is no location.</returns>
    internal static int DeviceOf(MemoryLocation location) => location switch
    {
        MemoryLocation.Device => 0,
        > MemoryLocation.System => location - MemoryLocation.System,
        _ => -1,
    };
}
