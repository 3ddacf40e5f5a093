// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>What a step of a schedule is.</summary>
public enum ScheduleAct
{
    /// <summary>A point was passed.</summary>
    Point,

    /// <summary>A thread began.</summary>
    Begin,

    /// <summary>A thread began to wait.</summary>
    Wait,

    /// <summary>A thread let others go first.</summary>
    Yield,

    /// <summary>Something that others may wait for has changed.</summary>
    Signal,

    /// <summary>A thread said what it is about to do, in the program's own words.</summary>
    Note,

    /// <summary>A thread ended.</summary>
    End,

    /// <summary>Nobody could go on, and time passed.</summary>
    Time,
}
