// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests.Conformance;

/// <summary>Real memory for the common suites. The program is this process: its threads touch the heap by the C library's memcpy only.</summary>
public sealed partial class UserfaultFixture : HostMemoryFixture
{
    private const int MayMoveToFixed = 3; // MREMAP_MAYMOVE and MREMAP_FIXED.

    /// <summary>The one fixture: it has no state.</summary>
    public static UserfaultFixture Instance { get; } = new();

    /// <inheritdoc/>
    public override string? Unavailable => RealMemory.Unavailable;

    /// <inheritdoc/>
    public override IHostMemory Create() => new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 256 << 20 });

    /// <inheritdoc/>
    public override IHostMemory CreateForRaces() => new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 256 << 20, ServiceThreads = 2 });

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
    public override void DmaWrite(IHostMemory memory, DmaPointer destination, ReadOnlySpan<byte> source) =>
        RealMemory.CpuWrite(new VirtualAddress((ulong)destination.Value), source);

    /// <inheritdoc/>
    public override bool TryUnmap(IHostMemory memory, AddressRange interval) =>
        Libc.munmap((nint)interval.Start.Value, (nuint)interval.Bytes) == 0;

    /// <inheritdoc/>
    public override bool TryDontNeed(IHostMemory memory, AddressRange interval) =>
        Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.MADV_DONTNEED) == 0;

    /// <inheritdoc/>
    /// <remarks>The new mapping is not the heap's: devices can use it once the program has attached it.</remarks>
    public override bool TryMapAnew(IHostMemory memory, AddressRange interval, out bool isShared)
    {
        bool isMapped = Map(interval.Start, interval.Bytes, LinuxConstants.MAP_FIXED) == (nint)interval.Start.Value;
        isShared = isMapped && SpinWait.SpinUntil(() => memory.Adopt(interval, isInPlace: false) == SvmStatus.Done, 10_000); // Once the event of what stood there has been applied.
        return isMapped;
    }

    /// <inheritdoc/>
    public override bool TryMove(IHostMemory memory, AddressRange from, out AddressRange to, out bool isShared)
    {
        isShared = true;
        to = AddressRange.OfBytes(new VirtualAddress((ulong)Map(default, from.Bytes, 0)), from.Bytes);
        return MovePages((nint)from.Start.Value, (nuint)from.Bytes, (nuint)from.Bytes, MayMoveToFixed, (nint)to.Start.Value) == (nint)to.Start.Value;
    }

    /// <inheritdoc/>
    public override bool TryProtect(IHostMemory memory, AddressRange interval, bool writable) =>
        Libc.mprotect((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.PROT_READ | (writable ? LinuxConstants.PROT_WRITE : 0)) == 0;

    /// <inheritdoc/>
    public override int? SignalOfChild(IHostMemory memory, VirtualAddress address) => NativeProgram.ChildReads(address);

    /// <summary>The program maps fresh memory.</summary>
    /// <param name="at">Where, if the flags say that it must be there.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="flags">Beside private and anonymous.</param>
    /// <returns>The address.</returns>
    private static nint Map(VirtualAddress at, long bytes, int flags) => Libc.mmap((nint)at.Value, (nuint)bytes,
        LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE, LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS | flags, -1, 0);

    /// <summary>C: mremap with a new address.</summary>
    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial nint MovePages(nint from, nuint oldBytes, nuint newBytes, int flags, nint to);

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory) => Assert.Equal(0, ((UserfaultHostMemory)memory).Statistics.AllocatedBytes);
}
