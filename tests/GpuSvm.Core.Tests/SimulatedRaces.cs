// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Conformance.Races;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>The races R-n on simulated memory.</summary>
public static class SimulatedRaces
{
    /// <summary>The backend: a machine that promises everything.</summary>
    private static readonly SimulatedHost _host = new(new SimulatedHostOptions());

    /// <summary>R-1 to R-5.</summary>
    public sealed class Publication : PublicationRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => _host;
    }
}
