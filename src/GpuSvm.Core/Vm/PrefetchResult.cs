// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>What a prefetch really did, in bytes; the last three add up to the first.</summary>
/// <param name="RequestedBytes">The pages asked for.</param>
/// <param name="AlreadyThereBytes">Of these, pages that were there before.</param>
/// <param name="MovedBytes">Pages that are there now.</param>
/// <param name="FailedBytes">Pages that are not.</param>
public readonly record struct PrefetchResult(long RequestedBytes, long AlreadyThereBytes, long MovedBytes, long FailedBytes)
{
    /// <summary>Adds up what was done to two intervals.</summary>
    public static PrefetchResult operator +(PrefetchResult one, PrefetchResult other) => new(
        one.RequestedBytes + other.RequestedBytes, one.AlreadyThereBytes + other.AlreadyThereBytes, one.MovedBytes + other.MovedBytes, one.FailedBytes + other.FailedBytes);
}
