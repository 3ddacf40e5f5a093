// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>Records are missing about here: the program was faster than the recording could write.</summary>
/// <param name="Records">How many, at least 1.</param>
public readonly record struct TraceLoss(long Records)
{
    /// <summary>Nanoseconds since the trace began.</summary>
    public long Time { get; init; }
}
