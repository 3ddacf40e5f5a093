// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>A thread of a scenario.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Operations">What it does, in order.</param>
public sealed record ScenarioThread(string Name, IReadOnlyList<ScenarioOperation> Operations);
