// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_options, field by field.</summary>
internal readonly struct OptionsStruct
{
    /// <summary>The size that the struct had first: its fields end before <see cref="DeviceCount"/>, and zero stands for those behind.</summary>
    public const uint FirstBytes = 64;

    /// <summary>The most devices of one memory.</summary>
    public const int MaxDevices = 8;

#pragma warning disable CS0649 // The caller fills it, in C.
    /// <summary>sizeof(gpusvm_options), as the caller was compiled.</summary>
    public readonly uint StructBytes;

    /// <summary>0 auto, 1 real, 2 portable.</summary>
    public readonly uint MemoryKind;

    /// <summary>The device memory in bytes; 0 for the default.</summary>
    public readonly ulong DeviceMemoryBytes;

    /// <summary>The most that can be allocated, in bytes; 0 for the default.</summary>
    public readonly ulong CapacityBytes;

    /// <summary>Threads that run kernels; 0 for the processors.</summary>
    public readonly uint ComputeUnits;

    /// <summary>4096, 65536 or 2097152; 0 for the last.</summary>
    public readonly uint LargestChunkBytes;

    /// <summary>0 migrates on first touch, 1 never.</summary>
    public readonly uint Migration;

    /// <summary>A gpusvm_prefetch_policy.</summary>
    public readonly uint Prefetch;

    /// <summary>A gpusvm_eviction_policy.</summary>
    public readonly uint Eviction;

    /// <summary>Whether it may be watched: 0 as the environment says, 1 yes, 2 no.</summary>
    public readonly ushort Monitor;

    /// <summary>A gpusvm_forks. The two were one number at first, whose upper half was zero.</summary>
    public readonly ushort Forks;

    /// <summary>Device memory in bytes that is kept free by evicting ahead of need.</summary>
    public readonly ulong KeepFreeBytes;

    /// <summary>A gpusvm_thrash_policy.</summary>
    public readonly uint Thrash;

    /// <summary>A gpusvm_access_counter_policy.</summary>
    public readonly ushort AccessCounters;

    /// <summary>1: the device raises no faults, and launches name their memory.</summary>
    public readonly ushort WithoutFaults;

    /// <summary>How many devices; 0 for one.</summary>
    public readonly uint DeviceCount;

    /// <summary>4096, 65536 or 2097152; 0 for the last.</summary>
    public readonly uint FirstTouchBytes;

    /// <summary>That many sizes of device memory in bytes, uint64_t each; null for <see cref="DeviceMemoryBytes"/> each.</summary>
    public readonly nint DeviceMemoryEach;
#pragma warning restore CS0649
}
