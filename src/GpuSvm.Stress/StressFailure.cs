// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>A run on real memory in which something went wrong, and what makes the same delays again.</summary>
/// <param name="Failure">What went wrong.</param>
/// <param name="Mode">How it was delayed.</param>
/// <param name="Seed">The seed of its random delays.</param>
/// <param name="Schedule">The schedule that it followed.</param>
/// <param name="IsStuck">Whether threads of it are left in this process, so that it cannot go on.</param>
public sealed record StressFailure(ScheduleFailure Failure, DelayMode Mode, ulong Seed, DecisionString Schedule, bool IsStuck)
{
    /// <summary>The options of gpusvm explore that make the same delays again, in every run.</summary>
    public string Options => Mode switch
    {
        DelayMode.Follow => $"--memory real --replay {Schedule}",
        DelayMode.Random => $"--memory real --delay random:{Seed}",
        _ => "--memory real --delay none",
    };
}
