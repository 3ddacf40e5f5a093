// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>One step of a schedule, for pictures: a thread has come to a point, and it was its turn to go on.</summary>
/// <param name="Thread">The thread's number.</param>
/// <param name="Act">What it did.</param>
/// <param name="Kind">The kind of point; meaningless where the act is none of a point.</param>
/// <param name="Subject">The object concerned in a few words; empty for none. At an end: empty if the thread has done all it had to, <see cref="Broke"/>, or <see cref="Stopped"/>.</param>
/// <param name="Choice">The number of the choice by which the turn came to it; -1 if there was none.</param>
/// <param name="IsPreemption">Whether the turn was taken from a thread that could have gone on.</param>
/// <param name="Watched">How things stood just before, as <see cref="IExploredMachine.Watch"/> says it; null if that is as before.</param>
public readonly record struct ScheduleStep(
    int Thread, ScheduleAct Act, SchedulePointKind Kind, string Subject, int Choice, bool IsPreemption, IReadOnlyList<(string Name, string State)>? Watched)
{
    /// <summary>The subject of the end of the thread in which the schedule broke.</summary>
    public const string Broke = "broke";

    /// <summary>The subject of the end of a thread that was stopped because the schedule had broken elsewhere.</summary>
    public const string Stopped = "stopped";
}
