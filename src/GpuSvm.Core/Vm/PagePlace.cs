// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>Where a page is.</summary>
public enum PagePlace
{
    /// <summary>No mapping covers the address.</summary>
    Unmapped,

    /// <summary>Nowhere: it was never touched, and reads as zeroes.</summary>
    Nowhere,

    /// <summary>The system's shared page of zeroes.</summary>
    Zero,

    /// <summary>In RAM.</summary>
    Ram,

    /// <summary>On a device of the VM.</summary>
    Device,

    /// <summary>On a device that is not of the VM.</summary>
    OtherDevice,

    /// <summary>In RAM, and a device's alone until the CPU touches it.</summary>
    Exclusive,

    /// <summary>On its way.</summary>
    Moving,
}
