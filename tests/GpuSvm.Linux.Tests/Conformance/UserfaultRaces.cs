// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Conformance.Races;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>The races R-n on real memory.</summary>
public static class UserfaultRaces
{
    /// <summary>R-1 to R-5.</summary>
    public sealed class Publication : PublicationRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
    }

    /// <summary>R-6 to R-10.</summary>
    public sealed class Unmap : UnmapRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
    }

    /// <summary>R-11 to R-18.</summary>
    public sealed class Migration : MigrationRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
    }

    /// <summary>R-19 to R-24.</summary>
    public sealed class Lifetime : LifetimeRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
    }

    /// <summary>R-25 to R-30.</summary>
    public sealed class Device : DeviceRaces
    {
        /// <inheritdoc/>
        protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
    }
}
