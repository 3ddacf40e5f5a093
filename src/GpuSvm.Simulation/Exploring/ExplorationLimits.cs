// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>How far an exploration goes.</summary>
public sealed record ExplorationLimits
{
    /// <summary>The most schedules.</summary>
    public long MaxSchedules { get; init; } = long.MaxValue;

    /// <summary>The longest time.</summary>
    public TimeSpan MaxTime { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>After how many steps a schedule counts as a livelock.</summary>
    public int MaxSteps { get; init; } = 20_000;
}
