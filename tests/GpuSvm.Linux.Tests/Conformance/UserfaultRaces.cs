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
}
