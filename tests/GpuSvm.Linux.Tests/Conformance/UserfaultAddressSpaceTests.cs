// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>The host address space on real memory.</summary>
public sealed class UserfaultAddressSpaceTests : AddressSpaceConformance
{
    /// <inheritdoc/>
    protected override HostMemoryFixture Fixture => UserfaultFixture.Instance;
}
