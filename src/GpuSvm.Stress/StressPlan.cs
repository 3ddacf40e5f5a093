// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>How runs of a scenario on real memory are delayed.</summary>
public sealed record StressPlan
{
    /// <summary>How.</summary>
    public DelayMode Mode { get; init; } = DelayMode.Mixed;

    /// <summary>Where random numbers begin: run n, from 0, has the delays of this and n.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether every run has the delays of <see cref="Seed"/> itself: to see a failure again.</summary>
    public bool KeepsSeed { get; init; }

    /// <summary>The schedule that all runs follow, or whose windows they count; null: each run has one of its own.</summary>
    public DecisionString? Schedule { get; init; }

    /// <summary>Makes what chooses the schedules where each run has its own; called anew when there is none left.</summary>
    public Func<IScheduleStrategy> MakeStrategy { get; init; } = () => new PctStrategy(3, 1);

    /// <summary>How long a thread is held where a schedule says so: a thread that is not on a processor comes back within less, mostly.</summary>
    public TimeSpan LongestHold { get; init; } = TimeSpan.FromMilliseconds(4);

    /// <summary>How long a part of a run may take before it counts as a deadlock.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The mode of one run.</summary>
    /// <param name="run">The run, from 0.</param>
    /// <returns>Anything but mixed.</returns>
    internal DelayMode ModeOf(long run) => Mode != DelayMode.Mixed ? Mode : (run % 4) switch
    {
        0 => DelayMode.None,
        1 => DelayMode.Random,
        _ => DelayMode.Follow,
    };
}
