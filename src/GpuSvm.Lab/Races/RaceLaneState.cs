// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>What a thread is doing at a line of a picture.</summary>
internal enum RaceLaneState
{
    /// <summary>It has not begun, or has ended.</summary>
    Absent,

    /// <summary>It could go on, but it is another's turn.</summary>
    Ready,

    /// <summary>It is its turn.</summary>
    Running,

    /// <summary>It waits, for an event or for a lock.</summary>
    Waiting,
}
