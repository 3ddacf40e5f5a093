// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>How a schedule can go wrong.</summary>
public enum ScheduleFailureKind
{
    /// <summary>Threads wait for one another, and nobody can go on.</summary>
    Deadlock,

    /// <summary>Threads go on and on, and get nowhere within the bound.</summary>
    Livelock,

    /// <summary>An invariant does not hold.</summary>
    Invariant,

    /// <summary>Somebody has read what was not there, or what was written is gone.</summary>
    LostByte,

    /// <summary>A lock was taken against the order.</summary>
    LockOrder,

    /// <summary>Something was not given back: a mapping, a frame, a use.</summary>
    Leak,

    /// <summary>An operation answered what it may not answer there.</summary>
    WrongStatus,

    /// <summary>An exception.</summary>
    Exception,
}
