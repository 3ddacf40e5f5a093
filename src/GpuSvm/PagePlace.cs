// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Where a page is. Values are the C ABI's.</summary>
public enum PagePlace
{
    /// <summary>No mapping covers it.</summary>
    Unmapped = 0,

    /// <summary>It was never touched: it reads as zeroes.</summary>
    Nowhere = 1,

    /// <summary>It is the system's shared page of zeroes.</summary>
    Zero = 2,

    /// <summary>In system memory.</summary>
    Ram = 3,

    /// <summary>In the memory of the device that the run names.</summary>
    Device = 4,

    /// <summary>On a device that is not of this memory, or that the asking one cannot reach.</summary>
    OtherDevice = 5,

    /// <summary>In system memory, and a device's alone until the CPU touches it.</summary>
    Exclusive = 6,

    /// <summary>On its way.</summary>
    Moving = 7,
}
