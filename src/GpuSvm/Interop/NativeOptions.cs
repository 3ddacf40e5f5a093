// SPDX-License-Identifier: MIT
namespace GpuSvm.Interop;

/// <summary>gpusvm_options, field by field.</summary>
internal struct NativeOptions
{
    /// <summary>sizeof(gpusvm_options).</summary>
    public uint StructBytes;

    /// <summary>A <see cref="GpuSvm.MemoryKind"/>.</summary>
    public uint MemoryKind;

    /// <summary>The device memory in bytes.</summary>
    public ulong DeviceMemoryBytes;

    /// <summary>The capacity in bytes.</summary>
    public ulong CapacityBytes;

    /// <summary>Threads; 0 for the processors.</summary>
    public uint ComputeUnits;

    /// <summary>4096, 65536 or 2097152.</summary>
    public uint LargestChunkBytes;

    /// <summary>0 migrates, 1 does not.</summary>
    public uint Migration;

    /// <summary>A <see cref="PrefetchPolicy"/>.</summary>
    public uint Prefetch;

    /// <summary>An <see cref="EvictionPolicy"/>.</summary>
    public uint Eviction;

    /// <summary>0 as the environment says, 1 on, 2 off.</summary>
    public uint Monitor;

    /// <summary>Device memory in bytes that is kept free.</summary>
    public ulong KeepFreeBytes;

    /// <summary>A <see cref="ThrashPolicy"/>.</summary>
    public uint Thrash;

    /// <summary>An <see cref="AccessCounterPolicy"/>.</summary>
    public ushort AccessCounters;

    /// <summary>1 without faults.</summary>
    public ushort WithoutFaults;

    /// <summary>Devices; 0 for one.</summary>
    public uint DeviceCount;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>A size of memory for each device; 0 for the same.</summary>
    public nint DeviceMemoryEach;

    /// <summary>Translates and checks what C cannot tell apart: negative numbers, and zeroes, which mean the default there.</summary>
    /// <param name="options">The program's options.</param>
    /// <returns>The struct.</returns>
    public static unsafe NativeOptions From(SharedMemoryOptions options)
    {
        if (options.DeviceMemoryBytes < 4096 || options.DeviceMemoryBytes % 4096 != 0)
            throw new ArgumentException($"A device memory of {options.DeviceMemoryBytes} bytes is not possible: it must be a multiple of the page size, 4096 bytes, and at least one page.", nameof(options));
        if (options.CapacityBytes < 4096)
            throw new ArgumentException($"A capacity of {options.CapacityBytes} bytes holds no page: at least 4096 bytes are needed.", nameof(options));
        if (options.ComputeUnits is < 0 or > 256)
            throw new ArgumentException($"{options.ComputeUnits} compute units are not possible: choose 1 to 256, or 0 for one a processor.", nameof(options));
        if (options.LargestChunkBytes is not (4096 or 65536 or 2097152))
            throw new ArgumentException($"A largest chunk of {options.LargestChunkBytes} bytes is not possible: choose 4096, 65536 or 2097152.", nameof(options));
        if (options.KeepFreeBytes < 0)
            throw new ArgumentException($"{options.KeepFreeBytes} bytes cannot be kept free: choose 0 for none, or up to half of the device's memory.", nameof(options));
        if (!Enum.IsDefined(options.Memory))
            throw new ArgumentException($"Memory kind {options.Memory} does not exist: choose Auto, Real or Portable.", nameof(options));
        if (!Enum.IsDefined(options.Prefetch))
            throw new ArgumentException($"Prefetch policy {options.Prefetch} does not exist: choose None, Sequential, Tree, Block, Stride, Adaptive or Hardware.", nameof(options));
        if (!Enum.IsDefined(options.Thrash))
            throw new ArgumentException($"Thrash policy {options.Thrash} does not exist: choose BackOff, Window or None.", nameof(options));
        if (!Enum.IsDefined(options.AccessCounters))
            throw new ArgumentException($"Access counter policy {options.AccessCounters} does not exist: choose None or Threshold.", nameof(options));
        if (!Enum.IsDefined(options.Eviction))
            throw new ArgumentException($"Eviction policy {options.Eviction} does not exist: choose Unused, FaultOrder, Fifo, Clock, Random or Tree.", nameof(options));
        return new NativeOptions
        {
            StructBytes = (uint)sizeof(NativeOptions),
            MemoryKind = (uint)options.Memory,
            DeviceMemoryBytes = (ulong)options.DeviceMemoryBytes,
            CapacityBytes = (ulong)options.CapacityBytes,
            ComputeUnits = (uint)options.ComputeUnits,
            LargestChunkBytes = (uint)options.LargestChunkBytes,
            Migration = options.Migrate ? 0u : 1u,
            Prefetch = (uint)options.Prefetch,
            Eviction = (uint)options.Eviction,
            KeepFreeBytes = (ulong)options.KeepFreeBytes,
            Thrash = (uint)options.Thrash,
            AccessCounters = (ushort)options.AccessCounters,
            WithoutFaults = options.WithoutFaults ? (ushort)1 : (ushort)0,
            Monitor = options.Monitor switch { null => 0u, true => 1u, false => 2u },
        };
    }
}
