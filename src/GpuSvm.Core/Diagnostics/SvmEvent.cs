// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Diagnostics;

/// <summary>One thing that happened. docs/observing.md says which fields each kind fills.</summary>
/// <param name="Kind">What.</param>
/// <param name="Address">Its first address: of an eviction the victim.</param>
/// <param name="Bytes">Its length.</param>
public readonly record struct SvmEvent(SvmEventKind Kind, VirtualAddress Address, long Bytes)
{
    /// <summary>Nanoseconds of the monotonic clock at its end; <see cref="SvmEvents.Record"/> fills it in.</summary>
    public long Timestamp { get; init; }

    /// <summary>Nanoseconds it took; 0 where that is not measured.</summary>
    public long Duration { get; init; }

    /// <summary>For whom: the first address of the block that needed the victim's room. 0 for nobody.</summary>
    public VirtualAddress Culprit { get; init; }

    /// <summary>What came of it.</summary>
    public SvmStatus Status { get; init; }

    /// <summary>Where the pages were; <see cref="SvmPlace"/>.</summary>
    public short From { get; init; } = SvmPlace.None;

    /// <summary>Where they are, or who touched them.</summary>
    public short To { get; init; } = SvmPlace.None;

    /// <summary>On whose behalf.</summary>
    public MigrationCause Cause { get; init; }

    /// <summary>For an invalidation: which change of the address space.</summary>
    public MmuEventKind Change { get; init; }

    /// <summary>For a fault: what was tried.</summary>
    public MemoryAccess Access { get; init; }
}
