// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>What a thread of a schedule does.</summary>
internal enum ScheduledState
{
    /// <summary>It runs, or can as soon as it is its turn and the lock it wants is free.</summary>
    Ready,

    /// <summary>It waits until something has changed.</summary>
    Waiting,

    /// <summary>It lets others go first.</summary>
    Yielding,

    /// <summary>It has ended.</summary>
    Ended,
}
