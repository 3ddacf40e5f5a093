// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu;

/// <summary>How to build a software GPU. Every value has a default that fits a small machine.</summary>
public sealed record SoftwareGpuOptions
{
    /// <summary>Most compute units a device can have; fault tokens keep the unit's number in 8 bits.</summary>
    public const int MaxComputeUnits = 256;

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

    /// <summary>The group of devices that can reach each other's memory by pointer, at least 1. Default 1: all of a process can.</summary>
    public int LinkGroup { get; init; } = 1;

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
        if (WaitSpins < 0)
            throw new ArgumentException($"{nameof(WaitSpins)} is {WaitSpins}: choose 0 or more.");
    }
}
