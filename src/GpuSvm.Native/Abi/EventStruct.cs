// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_event, field by field.</summary>
internal struct EventStruct
{
    /// <summary>Nanoseconds of the monotonic clock.</summary>
    public ulong TimestampNs;

    /// <summary>The first address.</summary>
    public ulong Address;

    /// <summary>The length.</summary>
    public ulong Bytes;

    /// <summary>Nanoseconds; 0 where not measured.</summary>
    public ulong DurationNs;

    /// <summary>Who needed a victim's room.</summary>
    public ulong Culprit;

    /// <summary>A <see cref="GpuSvm.Core.SvmStatus"/>.</summary>
    public int Status;

    /// <summary>A place.</summary>
    public short From;

    /// <summary>A place.</summary>
    public short To;

    /// <summary>A <see cref="SvmEventKind"/>.</summary>
    public byte Kind;

    /// <summary>A <see cref="GpuSvm.Core.Host.MigrationCause"/>.</summary>
    public byte Cause;

    /// <summary>A <see cref="GpuSvm.Core.Host.MmuEventKind"/>.</summary>
    public byte Change;

    /// <summary>A <see cref="GpuSvm.Core.Device.MemoryAccess"/>.</summary>
    public byte Access;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Translates an event.</summary>
    /// <param name="one">The event.</param>
    /// <returns>The struct.</returns>
    public static EventStruct Of(in SvmEvent one) => new()
    {
        TimestampNs = (ulong)one.Timestamp,
        Address = one.Address.Value,
        Bytes = (ulong)one.Bytes,
        DurationNs = (ulong)one.Duration,
        Culprit = one.Culprit.Value,
        Status = (int)one.Status,
        From = one.From,
        To = one.To,
        Kind = (byte)one.Kind,
        Cause = (byte)one.Cause,
        Change = (byte)one.Change,
        Access = (byte)one.Access,
        Reserved = 0,
    };
}
