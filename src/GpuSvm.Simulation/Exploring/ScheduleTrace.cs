// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>One schedule step by step.</summary>
/// <param name="Threads">The threads' names, by number.</param>
/// <param name="Steps">The steps, in order.</param>
public sealed record ScheduleTrace(IReadOnlyList<string> Threads, IReadOnlyList<ScheduleStep> Steps);
