// SPDX-License-Identifier: MIT
namespace GpuSvm.Core;

/// <summary>The families of <see cref="SvmStatus"/>, as questions, and one sentence of English for each status.</summary>
public static class SvmStatusFamilies
{
    /// <summary>Whether the operation did what was asked.</summary>
    /// <param name="status">The status to look at.</param>
    /// <returns>True for <see cref="SvmStatus.Done"/> alone.</returns>
    public static bool IsDone(this SvmStatus status) => status == SvmStatus.Done;

    /// <summary>Whether the same call may succeed when made again without anything else being done.</summary>
    /// <param name="status">The status to look at.</param>
    /// <returns>True for the retry family.</returns>
    public static bool IsRetry(this SvmStatus status) => status is SvmStatus.Retry or SvmStatus.Busy;

    /// <summary>Whether memory, on either side, or a budget ran out.</summary>
    /// <param name="status">The status to look at.</param>
    /// <returns>True for the exhausted family.</returns>
    public static bool IsExhausted(this SvmStatus status) => (int)status is >= 48 and < 64;

    /// <summary>One English sentence without a full stop, for error texts.</summary>
    /// <param name="status">The status to describe.</param>
    /// <returns>The sentence; for an undefined value, its number.</returns>
    public static string Describe(this SvmStatus status) => status switch
    {
        SvmStatus.Done => "done",
        SvmStatus.Retry => "something changed meanwhile, try again",
        SvmStatus.Busy => "the pages are held by others, try again later",
        SvmStatus.ReadOnly => "the mapping is read-only",
        SvmStatus.NotMigratable => "the pages may not move",
        SvmStatus.MixedPlacement => "the interval is partly in device memory and partly in system memory",
        SvmStatus.NotSupported => "this memory or machine cannot do that",
        SvmStatus.AccessDenied => "the program has denied the device this access",
        SvmStatus.OutOfHostMemory => "the host is out of memory",
        SvmStatus.OutOfDeviceMemory => "the device memory is full",
        SvmStatus.TimedOut => "the budget of time or tries ran out",
        SvmStatus.NotMapped => "no mapping covers the address",
        SvmStatus.Unmapped => "the mapping has been taken away",
        SvmStatus.ProcessGone => "the address space has ended",
        SvmStatus.DeviceGone => "the device is gone",
        SvmStatus.CopyFailed => "a copy or a device mapping failed",
        SvmStatus.InvalidArgument => "an argument is out of range",
        SvmStatus.InvalidHandle => "the object is closed or was freed already",
        SvmStatus.KernelFailed => "the kernel reported a failure",
        SvmStatus.Cancelled => "the work was cancelled",
        _ => $"status {(int)status}",
    };
}
