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
    public ushort Monitor;

    /// <summary>A <see cref="ForkMode"/>.</summary>
    public ushort Forks;

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

    /// <summary>4096, 65536 or 2097152.</summary>
    public uint FirstTouchBytes;

    /// <summary>A size of memory for each device; 0 for the same.</summary>
    public nint DeviceMemoryEach;

    /// <summary>Translates and checks what C cannot tell apart: negative numbers, and zeroes, which mean the default there.</summary>
    /// <param name="options">The program's options.</param>
    /// <returns>The struct.</returns>
    /// <exception cref="ArgumentException">A value is not possible.</exception>
    public static unsafe NativeOptions From(SharedMemoryOptions options)
    {
        options.ThrowIfInvalid();
        return new NativeOptions
        {
            StructBytes = (uint)sizeof(NativeOptions),
            MemoryKind = (uint)options.Memory,
            DeviceMemoryBytes = (ulong)options.DeviceMemoryBytes,
            CapacityBytes = (ulong)options.CapacityBytes,
            ComputeUnits = (uint)options.ComputeUnits,
            LargestChunkBytes = (uint)options.LargestChunkBytes,
            FirstTouchBytes = (uint)options.FirstTouchBytes,
            Migration = options.Migrate ? 0u : 1u,
            Prefetch = (uint)options.Prefetch,
            Eviction = (uint)options.Eviction,
            KeepFreeBytes = (ulong)options.KeepFreeBytes,
            Thrash = (uint)options.Thrash,
            DeviceCount = (uint)options.DeviceCount,
            AccessCounters = (ushort)options.AccessCounters,
            WithoutFaults = options.WithoutFaults ? (ushort)1 : (ushort)0,
            Monitor = options.Monitor switch { null => (ushort)0, true => (ushort)1, false => (ushort)2 },
            Forks = (ushort)options.Forks,
        };
    }
}
