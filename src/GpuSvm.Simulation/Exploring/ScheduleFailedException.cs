// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>A thread of an explored program has seen something that must not be.</summary>
/// <param name="failure">What.</param>
public sealed class ScheduleFailedException(ScheduleFailure failure) : Exception(failure.Message)
{
    /// <summary>What is wrong.</summary>
    public ScheduleFailure Failure { get; } = failure;
}
