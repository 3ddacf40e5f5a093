// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Conformance.Scenarios;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>The scenarios on simulated memory.</summary>
public sealed class SimulatedScenarios : ScenarioConformance
{
    /// <inheritdoc/>
    protected override HostMemoryFixture Fixture { get; } = new SimulatedHost(new SimulatedHostOptions());
}
