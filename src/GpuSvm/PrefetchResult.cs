// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What a prefetch has done, in bytes of whole pages.</summary>
/// <param name="RequestedBytes">All that was asked for.</param>
/// <param name="TriedBytes">Of these, tried so far; the next three add up to it.</param>
/// <param name="AlreadyThereBytes">Bytes that were there before.</param>
/// <param name="MovedBytes">Bytes that are there now.</param>
/// <param name="FailedBytes">Bytes that did not come, because the device is full or they may not move: they are where they were.</param>
public readonly record struct PrefetchResult(long RequestedBytes, long TriedBytes, long AlreadyThereBytes, long MovedBytes, long FailedBytes);
