// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>Real memory for the common suites. The program is this process: its threads touch the heap by the C library's memcpy only.</summary>
public sealed class UserfaultFixture : HostMemoryFixture
{
    /// <summary>The one fixture: it has no state.</summary>
    public static UserfaultFixture Instance { get; } = new();

    /// <inheritdoc/>
    public override string? Unavailable => RealMemory.Unavailable;

    /// <inheritdoc/>
    public override IHostMemory Create() => new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 256 << 20 });

    /// <inheritdoc/>
    public override IHostMemory? CreateWithStaging(int blocks) =>
        new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 256 << 20, MaxStagingBlocks = blocks });

    /// <inheritdoc/>
    public override SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination)
    {
        RealMemory.CpuRead(address, destination);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public override SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source)
    {
        RealMemory.CpuWrite(address, source);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public override void DmaRead(IHostMemory memory, DmaPointer source, Span<byte> destination) =>
        RealMemory.CpuRead(new VirtualAddress((ulong)source.Value), destination);

    /// <inheritdoc/>
    public override bool TryUnmap(IHostMemory memory, AddressRange interval) =>
        Libc.munmap((nint)interval.Start.Value, (nuint)interval.Bytes) == 0;

    /// <inheritdoc/>
    public override bool TryDontNeed(IHostMemory memory, AddressRange interval) =>
        Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.MADV_DONTNEED) == 0;

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory) => Assert.Equal(0, ((UserfaultHostMemory)memory).Statistics.AllocatedBytes);
}
