// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>A moment in a schedule in which more than one thread can go on.</summary>
public readonly ref struct ScheduleChoice
{
    /// <summary>The choice's number in its schedule, from 0.</summary>
    public int Number { get; init; }

    /// <summary>The threads that can go on, in rising order.</summary>
    public ReadOnlySpan<int> Enabled { get; init; }

    /// <summary>The thread that went last.</summary>
    public int Current { get; init; }

    /// <summary>Whether it costs a preemption to choose another thread than the last: it could go on, and has not offered to wait.</summary>
    public bool CanContinue { get; init; }

    /// <summary>What has happened so far as a hash: equal for two orders of steps that differ only in steps that do not concern each other.</summary>
    public ulong History { get; init; }
}
