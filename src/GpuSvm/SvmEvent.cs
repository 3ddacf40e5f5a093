// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm;

/// <summary>One thing that happened: gpusvm_event, field by field. Fields that a kind does not fill are 0, places <see cref="Nowhere"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SvmEvent
{
    /// <summary>The place that is system memory.</summary>
    public const int Ram = -1;

    /// <summary>No place.</summary>
    public const int Nowhere = -2;

    private readonly ulong _timestampNs;
    private readonly ulong _address;
    private readonly ulong _bytes;
    private readonly ulong _durationNs;
    private readonly ulong _culprit;
    private readonly int _status;
    private readonly short _from;
    private readonly short _to;
    private readonly byte _kind;
    private readonly byte _cause;
    private readonly byte _change;
    private readonly byte _access;
    private readonly uint _reserved;

    /// <summary>What.</summary>
    public SvmEventKind Kind => (SvmEventKind)_kind;

    /// <summary>When it ended, on the monotonic clock, which begins at some time in the past.</summary>
    public TimeSpan Timestamp => Interop.NativeErrors.Time(_timestampNs);

    /// <summary>Its first address: of an eviction the victim.</summary>
    public nint Address => (nint)_address;

    /// <summary>Its length in bytes.</summary>
    public long Bytes => (long)_bytes;

    /// <summary>How long it took, in nanoseconds; 0 where that is not measured.</summary>
    public long Nanoseconds => (long)_durationNs;

    /// <summary>Of an eviction: the first address that needed the room.</summary>
    public nint Culprit => (nint)_culprit;

    /// <summary>What came of it.</summary>
    public StatusCode Status => (StatusCode)_status;

    /// <summary>Where the pages were: a device's number, <see cref="Ram"/> or <see cref="Nowhere"/>.</summary>
    public int From => _from;

    /// <summary>Where they are; of a fault, who touched.</summary>
    public int To => _to;

    /// <summary>On whose behalf.</summary>
    public MigrationCause Cause => (MigrationCause)_cause;

    /// <summary>Of an invalidation: which change of the address space it follows.</summary>
    public MemoryChange Change => (MemoryChange)_change;

    /// <summary>Of a fault: what was tried.</summary>
    public KernelAccess Access => (KernelAccess)_access;
}
