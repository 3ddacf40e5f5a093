// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>
/// What a program has asked for one piece of its memory: wishes, kept apart from where the pages are. The default value asks for nothing.
/// Kernel: struct xe_vma_mem_attr; svm_range's attributes in amdkfd.
/// </summary>
public readonly record struct MemoryAdvice
{
    /// <summary>The largest granularity that can be asked for, as log2 of pages.</summary>
    public const int MaxGranularity = 63;

    /// <summary>Where the pages would rather be.</summary>
    public PreferredLocation Preferred { get; init; }

    /// <summary>The devices that will access the memory often: bit i for device i of the VM. They rather map it where it is than pull it over.</summary>
    public ulong AccessedBy { get; init; }

    /// <summary>The devices that may not access the memory: bit i for device i of the VM. Their faults fail with <see cref="SvmStatus.AccessDenied"/>. Kernel: amdkfd's NO_ACCESS.</summary>
    public ulong DeniedTo { get; init; }

    /// <summary>Against whom atomic operations must hold.</summary>
    public AtomicMode Atomics { get; init; }

    /// <summary>How many pages move together at the most, aligned to their number; null leaves it to the range.</summary>
    public PageOrder? Granularity { get; init; }

    /// <summary>Whether the memory is mostly read, so that copies in several places are worth it.</summary>
    public bool IsReadMostly { get; init; }

    /// <summary>Whether the pages stay in RAM, whoever touches them.</summary>
    public bool NeverMigrate { get; init; }

    /// <summary>Whether eviction takes other memory first.</summary>
    public bool IsPinned { get; init; }

    /// <summary>Whether nothing is asked for.</summary>
    public bool IsDefault => this == default;

    /// <summary>Whether a device's touch leaves the pages in RAM: because they may not move, or because RAM is where they would rather be.</summary>
    public bool StaysInRam => NeverMigrate || Preferred.IsSystem;

    /// <summary>The largest range that respects the granularity, in bytes, for <see cref="Svm.SvmContext.MaxChunkBytes"/>; 0 for no limit.</summary>
    public long MaxChunkBytes => Granularity is { } order && order < PageOrder.Huge ? order.Bytes : 0;

    /// <summary>Whether it forbids an access.</summary>
    /// <param name="access">The access.</param>
    /// <param name="device">The number in the VM of the device that tries it.</param>
    /// <returns>True for <see cref="SvmStatus.AccessDenied"/>.</returns>
    internal bool Denies(Device.MemoryAccess access, int device) =>
        (DeniedTo >> device & 1) != 0 || (access == Device.MemoryAccess.Atomic && Atomics == AtomicMode.System);

    /// <summary>Whether it can be kept: the granularity is one.</summary>
    internal bool IsValid => Granularity is not { Value: > MaxGranularity };
}
