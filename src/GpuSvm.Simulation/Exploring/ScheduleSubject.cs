// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>What a schedule knows of one object that points name: who holds it if it is a lock, and what has been done to it so far.</summary>
/// <param name="id">A number for it, the same in all schedules that have come to it in the same way.</param>
internal sealed class ScheduleSubject(ulong id)
{
    /// <summary>Its number.</summary>
    public ulong Id { get; } = id;

    /// <summary>The thread that holds it exclusively; -1 for none.</summary>
    public int Writer { get; set; } = -1;

    /// <summary>How many hold it shared.</summary>
    public int Readers { get; set; }

    /// <summary>The hash of the last step that changed it.</summary>
    public ulong LastChange { get; set; } = id;

    /// <summary>The sum of the hashes of those that looked at it since.</summary>
    public ulong Looks { get; set; }
}
