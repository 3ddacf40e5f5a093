// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>The common suite on real memory.</summary>
public sealed class UserfaultHostStagingTests : HostStagingConformance
{
    /// <inheritdoc/>
    protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
}
