// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>Populate, Query, Discard, Wake.</summary>
public abstract class HostPagesConformance : HostMemoryConformance
{
    [Fact]
    public void FreshPagesAreAbsentExactlyWhereMemoryIsLazy() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(16);
        bool isLazy = machine.Has(HostMemoryCapabilities.LazyZero);
        Assert.All(machine.Query(interval), page => Assert.Equal(!isLazy, page.IsPresent));
    });

    [Fact]
    public void AnAbsentPageHasNoPointerAndNoRights() => Run(HostMemoryCapabilities.LazyZero, machine =>
        Assert.All(machine.Query(machine.Allocate(4)), page => Assert.Equal(default, page)));

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void PopulatingForReadMakesPagesPresentAndZero(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Read));
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && !page.Pointer.IsNull));
        machine.AssertZero(interval);
        Assert.Empty(machine.Client.Faults);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void PopulatingForWriteMakesPagesWritable(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && page.IsWritable && !page.IsZero));
        machine.AssertZero(interval);
        machine.CpuFill(interval);
        machine.AssertPattern(interval);
        Assert.Empty(machine.Client.Faults);
    });

    [Fact]
    public void PopulatingForWriteReplacesThePageOfZeroes() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Read));
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        Assert.All(machine.Query(interval), page => Assert.True(page.IsWritable && !page.IsZero));
        machine.AssertZero(interval);
    });

    [Fact]
    public void ThePageOfZeroesIsWrittenAsUsual() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4), other = machine.Allocate(4);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Read));
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(other, MemoryAccess.Read));
        machine.CpuFill(interval);
        machine.AssertPattern(interval);
        machine.AssertZero(other);
    });

    [Theory]
    [InlineData(MemoryAccess.Read)]
    [InlineData(MemoryAccess.Write)]
    public void PopulatingKeepsBytesAndFillsGaps(MemoryAccess access) => Run(machine =>
    {
        AddressRange interval = machine.Allocate(8), written = AddressRange.OfPages(interval.Start + 3 * PageSize.Bytes, 2);
        machine.CpuFill(written);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, access));
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent));
        machine.AssertPattern(written);
        machine.AssertZero(new AddressRange(interval.Start, written.Start));
        machine.AssertZero(new AddressRange(written.End, interval.End));
    });

    [Fact]
    public void AHugePageIsReportedWholeAndInOnePiece() => Run(HostMemoryCapabilities.HugePages, machine =>
    {
        AddressRange interval = machine.AllocateAligned(PageSize.PagesPerHuge);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        HostPage[] pages = machine.Query(interval);
        Assert.SkipWhen(pages[0].Order != PageOrder.Huge, "needs a huge page, and the system gave none");
        for (int i = 0; i < pages.Length; i++)
        {
            Assert.Equal(PageOrder.Huge, pages[i].Order);
            Assert.Equal(pages[0].Pointer + ((long)i << PageSize.Shift), pages[i].Pointer);
        }
    });

    [Fact]
    public void QueryPointersReachTheBytes() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(5);
        machine.CpuFill(interval);
        byte[] bytes = new byte[PageSize.Bytes];
        HostPage[] pages = machine.Query(interval);
        for (int i = 0; i < pages.Length; i++)
        {
            VirtualAddress address = interval.Start + ((long)i << PageSize.Shift);
            machine.Fixture.DmaRead(machine.Memory, pages[i].Pointer, bytes);
            Assert.Equal(Pattern.Of(address, PageSize.Bytes), bytes);
        }
    });

    [Fact]
    public void QueryingChangesNothing() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(8);
        machine.CpuFill(AddressRange.OfPages(interval.Start, 2));
        HostPage[] before = machine.Query(interval);
        Assert.Equal(before, machine.Query(interval));
        if (machine.Has(HostMemoryCapabilities.LazyZero))
            Assert.False(before[5].IsPresent);
    });

    [Fact]
    public void WhatIsNotMappedCannotBeQueriedPopulatedOrDiscarded() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.Free(interval);
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Query(interval, new HostPage[4]));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Populate(interval, MemoryAccess.Read));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Discard(interval));
    });

    [Fact]
    public void CrookedIntervalsAreInvalid() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(1024);
        AddressRange[] crooked =
        [
            new AddressRange(interval.Start, interval.Start),
            new AddressRange(interval.Start + PageSize.Bytes, interval.Start),
            AddressRange.OfBytes(interval.Start + 8, PageSize.Bytes),
            AddressRange.OfBytes(interval.Start, PageSize.Bytes + 1),
        ];
        foreach (AddressRange bad in crooked)
        {
            Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Query(bad, new HostPage[8]));
            Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Populate(bad, MemoryAccess.Write));
            Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Discard(bad));
        }

        AddressRange large = AddressRange.OfPages(interval.Start, PageSize.PagesPerHuge + 1);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Query(large, new HostPage[large.Pages]));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Populate(large, MemoryAccess.Read));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Query(AddressRange.OfPages(interval.Start, 4), new HostPage[3]));
    });

    [Theory]
    [InlineData(0, 8)]
    [InlineData(0, 3)]
    [InlineData(2, 3)]
    [InlineData(7, 1)]
    public void DiscardedPagesReadAsZeroesAndTheirNeighboursDoNotChange(int first, int pages) => Run(machine =>
    {
        AddressRange interval = machine.Allocate(8), gone = AddressRange.OfPages(interval.Start + ((long)first << PageSize.Shift), pages);
        machine.CpuFill(interval);
        Assert.Equal(SvmStatus.Done, machine.Memory.Discard(gone));
        if (machine.Has(HostMemoryCapabilities.LazyZero))
            Assert.All(machine.Query(gone), page => Assert.False(page.IsPresent));
        machine.AssertZero(gone);
        byte[] expected = Pattern.Of(interval.Start, interval.Bytes);
        expected.AsSpan(first << PageSize.Shift, pages << PageSize.Shift).Clear();
        machine.AssertBytes(interval.Start, expected);
        machine.CpuFill(gone);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void DiscardingAPartOfAHugePageLeavesTheRest() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(PageSize.PagesPerHuge), gone = AddressRange.OfPages(interval.Start + 100 * PageSize.Bytes, 7);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        machine.CpuFill(interval);
        Assert.Equal(SvmStatus.Done, machine.Memory.Discard(gone));
        byte[] expected = Pattern.Of(interval.Start, interval.Bytes);
        expected.AsSpan(100 * PageSize.Bytes, 7 * PageSize.Bytes).Clear();
        machine.AssertBytes(interval.Start, expected);
    });

    [Fact]
    public void DiscardingMoreThanTwoMegabytesWorks() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(1300);
        machine.CpuFill(interval);
        Assert.Equal(SvmStatus.Done, machine.Memory.Discard(interval));
        machine.AssertZero(interval);
    });

    [Fact]
    public void WakingWhereNobodyWaitsIsHarmless() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        machine.Memory.Wake(interval);
        machine.AssertPattern(interval);
    });
}
