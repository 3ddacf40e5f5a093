// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Conformance.Scenarios;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>The scenarios on real memory.</summary>
public sealed class UserfaultScenarios : ScenarioConformance
{
    /// <inheritdoc/>
    protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
}
