// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>What went wrong in a schedule.</summary>
/// <param name="Kind">Of what kind it is.</param>
/// <param name="Message">What exactly, for a reader who knows the program.</param>
public sealed record ScheduleFailure(ScheduleFailureKind Kind, string Message)
{
    /// <summary>Whether another failure is the same for one who looks for its cause: of the same kind, and of the same invariant.</summary>
    /// <param name="other">The other.</param>
    /// <returns>True if so.</returns>
    public bool IsLike(ScheduleFailure other) => Kind == other.Kind && Family == other.Family;

    /// <summary>What tells failures of a kind apart: the number of an invariant, else nothing.</summary>
    private string Family => Kind == ScheduleFailureKind.Invariant ? Message[..Math.Max(Message.IndexOf(':'), 0)] : string.Empty;
}
