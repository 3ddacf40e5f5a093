// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux;
using GpuSvm.Portable;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>Chooses the host memory of a session.</summary>
/// <param name="Host">The memory, and beside it what of the program is used in place.</param>
/// <param name="Kind">What it is: real or portable.</param>
/// <param name="Reason">What stood in the way of real memory and how to enable it; empty for real memory.</param>
internal readonly record struct SessionMemory(InPlaceHostMemory Host, MemoryKind Kind, string Reason)
{
    private const long SmallestHeap = 64L << 20;
    private const long FewestHugeBlocks = 16;
    private const long MostHugeBlocks = 128;
    private const long LeastPooledBytes = 8L << 20;
    private const long MostPooledBytes = 64L << 20;

    /// <summary>How the device over this memory is to be built. Where the program can change its mappings under a kernel, units reach its pages by calls that answer; and they open no window on
    /// a page that can be truncated at any moment.</summary>
    /// <param name="options">The session's options.</param>
    /// <param name="bytes">The device's memory.</param>
    /// <returns>The device's options.</returns>
    public SoftwareGpuOptions GpuOptions(SessionOptions options, long bytes)
    {
        var real = Host.Inner as UserfaultHostMemory;
        return new SoftwareGpuOptions
        {
            MemoryBytes = bytes,
            ComputeUnits = options.ComputeUnits,
            PrefetchFaults = options.PrefetchFaults,
            GuardsSystemMemory = real is not null,
            AllowsSystemWindow = real is null ? null : address => !real.IsUsedInPlace(new VirtualAddress(address)),
        };
    }

    /// <summary>Opens the memory that was asked for, or the best there is.</summary>
    /// <param name="options">The session's options.</param>
    /// <returns>The open memory; throws a <see cref="SessionException"/> if real memory was asked for and is not to be had.</returns>
    public static SessionMemory Open(SessionOptions options)
    {
        if (options.Memory == MemoryKind.Portable)
            return new SessionMemory(new InPlaceHostMemory(new PortableHostMemory()), MemoryKind.Portable, "Portable memory was asked for.");
        try
        {
            // The session counts the capacity; the heap beneath has room to spare, so that alignment and gaps take nothing of it. Address space is free.
            // Pages that went to the device left their RAM behind: kept for the way back, it saves the kernel a zeroing each, and costs no more than the data took before.
            var host = new UserfaultHostMemory(new UserfaultOptions
            {
                CapacityBytes = Math.Max(SmallestHeap, 2 * options.CapacityBytes),
                PooledHugeBlocks = (int)Math.Clamp(options.DeviceMemoryBytes / PageSize.HugeBytes, FewestHugeBlocks, MostHugeBlocks),
                PooledBytesPerOrder = Math.Clamp(options.DeviceMemoryBytes / 4, LeastPooledBytes, MostPooledBytes),
            });
            return new SessionMemory(new InPlaceHostMemory(host), MemoryKind.Real, "");
        }
        catch (HostMemoryUnavailableException unavailable)
        {
            if (options.Memory == MemoryKind.Real)
                throw new SessionException(SvmStatus.NotSupported, $"Real memory is not to be had: {unavailable.Message}");
            return new SessionMemory(new InPlaceHostMemory(new PortableHostMemory()), MemoryKind.Portable, unavailable.Message);
        }
    }
}
