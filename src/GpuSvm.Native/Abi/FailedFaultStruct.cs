// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_failed_fault: a fault that was refused.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FailedFaultStruct
{
    /// <summary>The address that was touched.</summary>
    public ulong Address;

    /// <summary>When the device raised it, on the monotonic clock.</summary>
    public ulong TimestampNs;

    /// <summary>Why it was refused.</summary>
    public int Status;

    /// <summary>0 read, 1 write, 2 atomic.</summary>
    public uint Access;

    /// <summary>Makes one of the core's.</summary>
    /// <param name="fault">The fault.</param>
    /// <returns>The struct.</returns>
    public static FailedFaultStruct Of(in FailedFault fault) => new()
    {
        Address = fault.Address.Value,
        TimestampNs = (ulong)Histogram.NanosecondsOf(fault.Timestamp),
        Status = (int)fault.Status,
        Access = (uint)fault.Access,
    };
}
