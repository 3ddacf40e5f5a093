// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu;

/// <summary>How to build a software GPU. Every value has a default that fits a small machine.</summary>
public sealed record SoftwareGpuOptions
{
    /// <summary>Most compute units a device can have; fault tokens keep the unit's number, and those of a few DMA channels, in 9 bits.</summary>
    public const int MaxComputeUnits = 256;

    /// <summary>Most bytes of device addresses: 1 TiB.</summary>
    public const long MaxIommuBytes = 1L << 40;

    /// <summary>Bytes of device memory: a multiple of 4096, at least 4096. Default 256 MiB.</summary>
    public long MemoryBytes { get; init; } = 256L << 20;

    /// <summary>Threads that run kernels, 1 to <see cref="MaxComputeUnits"/>. Default: the machine's processors.</summary>
    public int ComputeUnits { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, MaxComputeUnits);

    /// <summary>Whether the copy engine has a thread of its own, so that copies run beside their caller. Default: no, callers copy.</summary>
    public bool CopyEngineThread { get; init; }

    /// <summary>Largest copy, in bytes, that the caller makes itself although there is an engine thread. Default 64 KiB.</summary>
    public long InlineCopyBytes { get; init; } = 64 << 10;

    /// <summary>Rounds that a unit and a fault fetcher look before they sleep; each yields the processor. 0 sleeps at once. Default 10.</summary>
    public int WaitSpins { get; init; } = 10;

    /// <summary>Whether a unit that had to fault raises another fault, for which it does not wait, at the end of what was mapped for it: of use to kernels that read in order, where the
    /// service has a processor of its own. Default: no.</summary>
    public bool PrefetchFaults { get; init; }

    /// <summary>Notifications of access counters that can wait in each address space, 1 to 65536; what finds no place is dropped and counted. Default 256.</summary>
    public int AccessCounterPlaces { get; init; } = 256;

    /// <summary>Whether it can stop what runs in one address space, as VMs without faults need. Default: yes; off, it is a device that cannot.</summary>
    public bool StopsQueues { get; init; } = true;

    /// <summary>The group of devices that can reach each other's memory by pointer, at least 1. Default 1: all of a process can.</summary>
    public int LinkGroup { get; init; } = 1;

    /// <summary>Whether the program may unmap or protect its pages while kernels use them where they are: units then reach them by calls that answer (<see cref="GuardedCopy"/>), not by pointer.
    /// Needs a host memory that says by a fault what is wrong, and changes nothing for device memory. Default: no.</summary>
    public bool GuardsSystemMemory { get; init; }

    /// <summary>Whether kernels may open windows on the program's page at an address: where they must not, <see cref="Core.SvmStatus.NotSupported"/> fails the launch. Null: everywhere.</summary>
    public Func<ulong, bool>? AllowsSystemWindow { get; init; }

    /// <summary>Bytes of device addresses, where the device stands behind an IOMMU: 0 or a multiple of 4096, at most <see cref="MaxIommuBytes"/>. Each 4 KiB take 13 bytes of memory. Default 0: no
    /// IOMMU; the device lives in the program's own process and reaches it by pointer.</summary>
    public long IommuBytes { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of its range; the message names the remedy.</exception>
    public void Validate()
    {
        SoftwareGpuMemory.CheckSize(MemoryBytes);
        if (ComputeUnits is < 1 or > MaxComputeUnits)
            throw new ArgumentException($"{ComputeUnits} compute units: choose 1 to {MaxComputeUnits}, for example the number of processors ({Environment.ProcessorCount}).");
        if (InlineCopyBytes < 0)
            throw new ArgumentException($"{nameof(InlineCopyBytes)} is {InlineCopyBytes}: choose 0 or more.");
        if (LinkGroup < 1)
            throw new ArgumentException($"{nameof(LinkGroup)} is {LinkGroup}: choose 1 or more.");
        if (IommuBytes is < 0 or > MaxIommuBytes || IommuBytes % PageSize.Bytes != 0)
            throw new ArgumentException($"{nameof(IommuBytes)} is {IommuBytes}: choose 0 for no IOMMU, or a multiple of {PageSize.Bytes} up to {MaxIommuBytes}.");
        if (AccessCounterPlaces is < 1 or > 65_536)
            throw new ArgumentException($"{nameof(AccessCounterPlaces)} is {AccessCounterPlaces}: choose 1 to 65536.");
        if (WaitSpins < 0)
            throw new ArgumentException($"{nameof(WaitSpins)} is {WaitSpins}: choose 0 or more.");
    }
}
