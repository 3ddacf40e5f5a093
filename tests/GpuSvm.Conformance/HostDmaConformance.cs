// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>Read and Write: access to present pages as a DMA engine would.</summary>
public abstract class HostDmaConformance : HostMemoryConformance
{
    /// <summary>Offsets and lengths within nine pages, in bytes.</summary>
    public static TheoryData<int, int> Pieces => new()
    {
        { 0, 1 }, { 0, 4096 }, { 1, 4095 }, { 4095, 2 }, { 4000, 200 }, { 7, 9 * 4096 - 7 }, { 3 * 4096, 4 * 4096 }, { 12345, 6789 }, { 9 * 4096 - 1, 1 }, { 100, 0 },
    };

    [Theory]
    [MemberData(nameof(Pieces))]
    public void WhatTheCpuWroteIsRead(int offset, int length) => Run(machine =>
    {
        AddressRange interval = machine.Allocate(9);
        machine.CpuFill(interval);
        byte[] bytes = new byte[length];
        Assert.Equal(SvmStatus.Done, machine.Memory.Read(interval.Start + offset, bytes));
        Assert.Equal(Pattern.Of(interval.Start + offset, length), bytes);
    });

    [Theory]
    [MemberData(nameof(Pieces))]
    public void WhatIsWrittenTheCpuReads(int offset, int length) => Run(machine =>
    {
        AddressRange interval = machine.Allocate(9);
        machine.CpuFill(interval);
        byte[] expected = Pattern.Of(interval.Start, interval.Bytes), bytes = Pattern.Of(interval.Start + offset, length, seed: 2);
        bytes.CopyTo(expected, offset);
        Assert.Equal(SvmStatus.Done, machine.Memory.Write(interval.Start + offset, bytes));
        machine.AssertBytes(interval.Start, expected);
    });

    [Fact]
    public void AHugePieceGoesBothWays() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(2 * PageSize.PagesPerHuge), half = AddressRange.OfPages(interval.Start, PageSize.PagesPerHuge);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(half, MemoryAccess.Write));
        Assert.Equal(SvmStatus.Done, machine.Memory.Write(half.Start, Pattern.Of(half.Start, half.Bytes)));
        byte[] bytes = new byte[half.Bytes];
        Assert.Equal(SvmStatus.Done, machine.Memory.Read(half.Start, bytes));
        Assert.Equal(Pattern.Of(half.Start, half.Bytes), bytes);
        machine.AssertPattern(half);
    });

    [Fact]
    public void AbsentPagesAreRefusedWithoutAFault() => Run(HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        byte[] bytes = new byte[PageSize.Bytes + 16];
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(interval.Start + 8, bytes));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Write(interval.Start + 8, bytes));
        Assert.Empty(machine.Client.Faults);
        Assert.All(machine.Query(interval), page => Assert.False(page.IsPresent));
    });

    [Fact]
    public void AnAbsentPageBehindAPresentOneIsRefused() => Run(HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.Allocate(2);
        machine.CpuFill(AddressRange.OfPages(interval.Start, 1));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(interval.Start + 4000, new byte[200]));
    });

    [Fact]
    public void DetachedPagesAreRefused() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(2), first = AddressRange.OfPages(interval.Start, 1);
        machine.CpuFill(interval);
        machine.MoveAway(first);
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(first.Start, new byte[1]));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Write(first.End - 1, new byte[2]));
        Assert.Equal(SvmStatus.Done, machine.Memory.Read(first.End, new byte[1]));
        machine.BringBack(first.Start);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void WhatIsNotMappedIsRefused() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        machine.Free(interval);
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(interval.Start, new byte[8]));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Write(interval.Start, new byte[8]));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(new VirtualAddress(8), new byte[8]));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Read(new VirtualAddress(ulong.MaxValue - 3), new byte[8]));
    });
}
