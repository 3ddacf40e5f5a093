// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>What a line of a picture is.</summary>
internal enum RaceLineKind
{
    /// <summary>How things stood at the start.</summary>
    Start,

    /// <summary>A thread says what it does next, in the scenario's words.</summary>
    Note,

    /// <summary>A step of a thread.</summary>
    Step,

    /// <summary>A step of a thread that goes against the protocol.</summary>
    Alarm,

    /// <summary>The turn was taken from a thread that could have gone on.</summary>
    Preemption,

    /// <summary>A thread could not go on, and another does.</summary>
    Handover,

    /// <summary>Nobody could go on, and time passed.</summary>
    Time,

    /// <summary>Steps that the picture leaves out because there are too many.</summary>
    Gap,

    /// <summary>The moment where it broke.</summary>
    Broke,
}
