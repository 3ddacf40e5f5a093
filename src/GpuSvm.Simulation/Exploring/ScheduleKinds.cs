// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>What the steps at points of each kind do to the objects they concern.</summary>
internal static class ScheduleKinds
{
    /// <summary>Whether steps of a kind change their subject: no two of them commute.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>True if so.</returns>
    public static bool Changes(SchedulePointKind kind) => kind is SchedulePointKind.LockTake or SchedulePointKind.Atomic or SchedulePointKind.ProcessEnding;

    /// <summary>Whether steps of a kind look at their subject: they commute with one another, not with changes.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>True if so.</returns>
    public static bool Looks(SchedulePointKind kind) => kind is SchedulePointKind.LockTakeShared or SchedulePointKind.SequenceRead or SchedulePointKind.UseBeginning or SchedulePointKind.UseEnding;

    /// <summary>Whether points of a kind only mark a place in the protocol: what comes right after them touches nothing of others before the next point.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>True if so.</returns>
    public static bool IsMark(SchedulePointKind kind) => !Changes(kind) && !Looks(kind);
}
