// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm;

/// <summary>A fault of a kernel that was refused: gpusvm_failed_fault, field by field.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct FailedFault
{
    private readonly ulong _address;
    private readonly ulong _timestampNs;
    private readonly int _status;
    private readonly uint _access;

    /// <summary>The address that was touched.</summary>
    public nint Address => (nint)_address;

    /// <summary>When the device raised it, on the monotonic clock, which begins at some time in the past.</summary>
    public TimeSpan Timestamp => Interop.NativeErrors.Time(_timestampNs);

    /// <summary>Why it was refused.</summary>
    public StatusCode Status => (StatusCode)_status;

    /// <summary>What was tried.</summary>
    public KernelAccess Access => (KernelAccess)_access;
}
