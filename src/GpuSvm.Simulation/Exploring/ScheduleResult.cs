// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>How one schedule went.</summary>
/// <param name="Failure">What went wrong; null if nothing did.</param>
/// <param name="Decisions">The choices that were not the ordinary ones.</param>
/// <param name="Preemptions">How often the turn was taken from a thread that could have gone on.</param>
/// <param name="Steps">How many points were passed.</param>
/// <param name="Choices">How many choices there were.</param>
/// <param name="Trace">The steps, if they were recorded.</param>
public sealed record ScheduleResult(ScheduleFailure? Failure, DecisionString Decisions, int Preemptions, int Steps, int Choices, ScheduleTrace? Trace);
