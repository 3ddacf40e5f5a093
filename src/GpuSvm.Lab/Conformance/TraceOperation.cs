// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>What one step of a trace does; <see cref="TraceWords"/> has the word for each.</summary>
public enum TraceOperation
{
    /// <summary>The CPU stores a number at the start of each page.</summary>
    CpuWrite,

    /// <summary>The CPU loads the number at the start of each page.</summary>
    CpuRead,

    /// <summary>A device reads whole pages.</summary>
    DeviceRead,

    /// <summary>A device writes whole pages.</summary>
    DeviceWrite,

    /// <summary>Pages move to a device, which then reads them.</summary>
    ToDevice,

    /// <summary>A device's pages move back to RAM.</summary>
    ToSystem,

    /// <summary>What a device would see, without faulting.</summary>
    Snapshot,

    /// <summary>The program unmaps pages and maps fresh ones in their place.</summary>
    MapFresh,

    /// <summary>The program gives the contents of pages up.</summary>
    DontNeed,

    /// <summary>The program changes what it may do with pages.</summary>
    Protect,

    /// <summary>The program moves pages to other addresses and back.</summary>
    Remap,

    /// <summary>The program unmaps one page.</summary>
    Unmap,
}
