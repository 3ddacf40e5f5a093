// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.Lab.Conformance;

/// <summary>The numbers by which Linux says what went wrong.</summary>
public static class Errno
{
    /// <summary>EPERM.</summary>
    public const int NotPermitted = 1;

    /// <summary>ENOENT.</summary>
    public const int NoEntry = 2;

    /// <summary>ENOMEM.</summary>
    public const int NoMemory = 12;

    /// <summary>EFAULT.</summary>
    public const int BadAddress = 14;

    /// <summary>EBUSY.</summary>
    public const int Busy = 16;

    /// <summary>EINVAL.</summary>
    public const int Invalid = 22;

    /// <summary>The result of a step.</summary>
    /// <param name="status">What came of it here.</param>
    /// <returns>0, or minus the errno.</returns>
    /// <exception cref="InvalidOperationException">No run of the kernel's driver ends like that: something is wrong here.</exception>
    public static int Of(SvmStatus status) => status switch
    {
        SvmStatus.Done => 0,
        SvmStatus.ReadOnly => -NotPermitted,
        SvmStatus.NotMapped or SvmStatus.NotSupported => -BadAddress,
        SvmStatus.OutOfHostMemory or SvmStatus.OutOfDeviceMemory => -NoMemory,
        SvmStatus.Busy => -Busy,
        SvmStatus.NotMigratable => -Invalid,
        _ => throw new InvalidOperationException($"A step ended with: {status.Describe()}."),
    };
}
