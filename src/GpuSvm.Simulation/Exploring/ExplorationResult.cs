// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>What an exploration has found.</summary>
/// <param name="Failed">The first schedule that went wrong; null if none did.</param>
/// <param name="Progress">How far it came.</param>
/// <param name="Exhausted">Up to how many preemptions everything has been searched; -1 for none, and for strategies that do not search everything.</param>
/// <param name="Cut">Schedules that had become what was searched before.</param>
/// <param name="MaxSteps">Steps of the longest schedule.</param>
public sealed record ExplorationResult(ScheduleResult? Failed, ExplorationProgress Progress, int Exhausted, long Cut, int MaxSteps);
