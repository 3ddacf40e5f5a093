// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>AcquireStaging and ReleaseStaging.</summary>
public abstract class HostStagingConformance : HostMemoryConformance
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    [InlineData(8, false)]
    [InlineData(8, true)]
    [InlineData(9, false)]
    [InlineData(9, true)]
    public void ABlockHasTheOrderOfItsInterval(byte order, bool forAttach) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(1L << order);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach);
        Assert.NotNull(staging);
        Assert.True(staging.Order.Value >= order);
        Assert.False(staging.Pointer.IsNull);
        for (int page = 0; page < interval.Pages; page++)
            Assert.Equal(forAttach, staging.IsPresent(page));
        machine.Memory.ReleaseStaging(staging);
    });

    [Fact]
    public void BlocksThatAreOutAtOnceShareNoByte() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(64);
        var blocks = new List<(AddressRange Interval, HostStaging Staging)>();
        for (int i = 0; i < 4; i++)
        {
            AddressRange part = AddressRange.OfPages(interval.Start + 16L * i * PageSize.Bytes, 16);
            machine.CpuFill(part);
            machine.MoveAway(part);
            HostStaging? staging = machine.Memory.AcquireStaging(part, forAttach: true);
            Assert.NotNull(staging);
            DmaBytes.Write(staging.Pointer, Pattern.Of(part.Start, part.Bytes, seed: i));
            blocks.Add((part, staging));
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            byte[] bytes = new byte[blocks[i].Interval.Bytes];
            DmaBytes.Read(blocks[i].Staging.Pointer, bytes);
            Assert.Equal(Pattern.Of(blocks[i].Interval.Start, bytes.Length, seed: i), bytes);
            Assert.Equal(SvmStatus.Done, machine.Memory.Attach(blocks[i].Interval, blocks[i].Staging, writable: true));
            machine.Memory.ReleaseStaging(blocks[i].Staging);
            machine.Client.Forget(blocks[i].Interval);
        }

        for (int i = 0; i < blocks.Count; i++)
            machine.AssertPattern(blocks[i].Interval, seed: i);
    });

    [Fact]
    public void ABlockGivenBackWithPagesInItDropsThem() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        machine.Memory.ReleaseStaging(staging);
        Assert.All(machine.Query(interval), page => Assert.False(page.IsPresent));
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Populate(interval, Core.Device.MemoryAccess.Write)));
        machine.AssertZero(interval);
    });

    [Fact]
    public void BlocksAreUsedAgainForManyRounds() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(PageSize.PagesPerHuge);
        for (int round = 0; round < 30; round++)
        {
            machine.CpuFill(interval, round);
            machine.MoveAway(interval);
            machine.BringBack(interval.Start);
            machine.AssertPattern(interval, round);
        }
    });

    [Fact]
    public void WhenBlocksAreUsedUpTheAnswerIsNullAndReleasingHelps() => RunWithStaging(2, HostMemoryCapabilities.None, machine =>
    {
        AddressRange interval = machine.AllocateAligned(64);
        AddressRange[] parts = [.. Enumerable.Range(0, 3).Select(i => AddressRange.OfPages(interval.Start + 16L * i * PageSize.Bytes, 16))];
        machine.CpuFill(interval);
        HostStaging? first = machine.Memory.AcquireStaging(parts[0], forAttach: false);
        HostStaging? second = machine.Memory.AcquireStaging(parts[1], forAttach: true);
        Assert.NotNull(first);
        Assert.NotNull(second);
        Assert.Null(machine.Memory.AcquireStaging(parts[2], forAttach: false));
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Client.MoveAway(parts[2]));
        machine.AssertPattern(interval);
        machine.Memory.ReleaseStaging(second);
        machine.MoveAway(parts[2]);
        machine.BringBack(parts[2].Start);
        machine.Memory.ReleaseStaging(first);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void WithoutABlockForTheWayBackTheBytesStayWhereTheyAre() => RunWithStaging(1, HostMemoryCapabilities.None, machine =>
    {
        AddressRange interval = machine.AllocateAligned(32);
        AddressRange first = AddressRange.OfPages(interval.Start, 16), second = new(first.End, interval.End);
        machine.CpuFill(interval);
        machine.MoveAway(first);
        HostStaging? taken = machine.Memory.AcquireStaging(second, forAttach: false);
        Assert.NotNull(taken);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Client.BringBack(first.Start));
        Assert.True(machine.Client.IsAway(first.Start));
        machine.Memory.ReleaseStaging(taken);
        machine.BringBack(first.Start);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void CrookedIntervalsGetNoBlock() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(1024);
        Assert.Null(machine.Memory.AcquireStaging(new AddressRange(interval.Start, interval.Start), forAttach: false));
        Assert.Null(machine.Memory.AcquireStaging(AddressRange.OfPages(interval.Start, 3), forAttach: false));
        Assert.Null(machine.Memory.AcquireStaging(AddressRange.OfPages(interval.Start, 1024), forAttach: false));
        Assert.Null(machine.Memory.AcquireStaging(AddressRange.OfPages(interval.Start + PageSize.Bytes, 2), forAttach: false));
        Assert.Null(machine.Memory.AcquireStaging(AddressRange.OfBytes(interval.Start + 1, PageSize.Bytes), forAttach: false));
    });

    [Fact]
    public void ABlockIsGivenBackOnce() => Run(machine =>
    {
        HostStaging? staging = machine.Memory.AcquireStaging(machine.Allocate(1), forAttach: false);
        Assert.NotNull(staging);
        machine.Memory.ReleaseStaging(staging);
        Assert.Throws<ArgumentException>(() => machine.Memory.ReleaseStaging(staging));
    });
}
