// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;

namespace GpuSvm.Simulation.Tests;

/// <summary>Every host memory suite on a machine that promises nothing, as portable memory does.</summary>
public static class FaultlessConformance
{
    /// <inheritdoc/>
    public sealed class Allocation : HostAllocationConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class CpuFault : HostCpuFaultConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class Dma : HostDmaConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class Event : HostEventConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class Migration : HostMigrationConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class Pages : HostPagesConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class Staging : HostStagingConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }

    /// <inheritdoc/>
    public sealed class WriteProtect : HostWriteProtectConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = SimulatedFixture.Faultless;
    }
}
