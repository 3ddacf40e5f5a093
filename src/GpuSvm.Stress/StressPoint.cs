// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Stress;

/// <summary>A place on the way of a scenario's thread, the same on simulated memory and on real.</summary>
/// <param name="Operation">In which of its operations, from 0.</param>
/// <param name="Kind">The kind of schedule point.</param>
/// <param name="Subject">The object concerned, by name.</param>
/// <param name="Number">How often the thread has been there before in this operation.</param>
internal readonly record struct StressPoint(int Operation, SchedulePointKind Kind, string Subject, int Number)
{
    private static readonly HashSet<string> _simulatedOnly = ["simulated host memory", nameof(Simulation.SimulatedOperation.UnmapApplied)];

    /// <summary>Whether points of an object are come to on real memory too: all but those inside the simulated one.</summary>
    /// <param name="kind">The kind of point.</param>
    /// <param name="subject">The object, by name.</param>
    /// <returns>True if so.</returns>
    public static bool IsOnBoth(SchedulePointKind kind, string subject) => kind is not (SchedulePointKind.LockReleased or SchedulePointKind.Wait) && !_simulatedOnly.Contains(subject);
}
