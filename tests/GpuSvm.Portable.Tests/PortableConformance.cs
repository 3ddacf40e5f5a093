// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;

namespace GpuSvm.Portable.Tests;

/// <summary>Every host memory suite on portable memory.</summary>
public static class PortableConformance
{
    /// <inheritdoc/>
    public sealed class Allocation : HostAllocationConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class CpuFault : HostCpuFaultConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class Dma : HostDmaConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class Event : HostEventConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class Migration : HostMigrationConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class Pages : HostPagesConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class Staging : HostStagingConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class WriteProtect : HostWriteProtectConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }

    /// <inheritdoc/>
    public sealed class AddressSpace : AddressSpaceConformance
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture { get; } = new PortableFixture();
    }
}
