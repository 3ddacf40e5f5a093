// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Portable.Tests;

/// <summary>Portable memory under the suites: the program touches it through plain pointers.</summary>
public sealed unsafe class PortableFixture : HostMemoryFixture
{
    /// <inheritdoc/>
    public override IHostMemory Create() => new PortableHostMemory();

    /// <inheritdoc/>
    public override SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination)
    {
        // SAFETY: the suites access only what is allocated at that moment, unless the fixture reports signals, which this one does not.
        new ReadOnlySpan<byte>((void*)address.Value, destination.Length).CopyTo(destination);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public override SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in CpuRead.
        source.CopyTo(new Span<byte>((void*)address.Value, source.Length));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory)
    {
        var portable = (PortableHostMemory)memory;
        Assert.Equal(0, portable.StagingBlocksOut);
        Assert.Equal(0, portable.AllocatedBytes);
    }
}
