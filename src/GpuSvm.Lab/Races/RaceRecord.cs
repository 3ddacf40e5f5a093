// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Races;

/// <summary>All that a picture of a race needs: what was run, how it went, and how to run it again.</summary>
/// <param name="Name">The scenario's name.</param>
/// <param name="Title">What the scenario shows, in a sentence; may be empty.</param>
/// <param name="Text">The scenario as it is written.</param>
/// <param name="Failure">What went wrong; null for a picture of a schedule that went well.</param>
/// <param name="Decisions">The schedule's decision string.</param>
/// <param name="Replay">The command that runs the schedule again.</param>
/// <param name="Trace">The steps.</param>
public sealed record RaceRecord(string Name, string Title, string Text, ScheduleFailure? Failure, string Decisions, string Replay, ScheduleTrace Trace);
