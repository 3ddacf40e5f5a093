// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>What went wrong in a schedule.</summary>
/// <param name="Kind">Of what kind it is.</param>
/// <param name="Message">What exactly, for a reader who knows the program.</param>
public sealed record ScheduleFailure(ScheduleFailureKind Kind, string Message)
{
    /// <summary>What an exception means.</summary>
    /// <param name="thread">The name of the thread that it ended.</param>
    /// <param name="thrown">The exception.</param>
    /// <returns>The failure.</returns>
    internal static ScheduleFailure Of(string thread, Exception thrown) => thrown switch
    {
        ScheduleFailedException failed => failed.Failure,
        LockOrderException => new ScheduleFailure(ScheduleFailureKind.LockOrder, $"{thread}: {thrown.Message}"),
        _ => new ScheduleFailure(ScheduleFailureKind.Exception, $"{thread}: {thrown}"),
    };

    /// <summary>Whether another failure is the same for one who looks for its cause: of the same kind, and of the same invariant.</summary>
    /// <param name="other">The other.</param>
    /// <returns>True if so.</returns>
    public bool IsLike(ScheduleFailure other) => Kind == other.Kind && Family == other.Family;

    /// <summary>What tells failures of a kind apart: the number of an invariant, else nothing.</summary>
    private string Family => Kind == ScheduleFailureKind.Invariant ? Message[..Math.Max(Message.IndexOf(':'), 0)] : string.Empty;
}
