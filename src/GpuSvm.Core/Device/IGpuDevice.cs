// SPDX-License-Identifier: MIT
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

    /// <summary>Its way to system memory.</summary>
    IDmaMapper DmaMapper { get; }

    /// <summary>Its fault buffer.</summary>
    IFaultBuffer FaultBuffer { get; }

    /// <summary>Makes an empty page table for a new GPU address space.</summary>
    /// <param name="addressSpaceId">The number that faults of this space carry.</param>
    /// <returns>The page table; the caller disposes it after the last launch in it has ended.</returns>
    IDevicePageTable CreatePageTable(out int addressSpaceId);
}
