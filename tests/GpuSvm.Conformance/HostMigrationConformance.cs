// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>Detach and Attach: bytes go away and come back, whatever the size, holes and order.</summary>
public abstract class HostMigrationConformance : HostMemoryConformance
{
    private static readonly int[] _shuffled = [3, 15, 0, 7, 8, 1, 2, 14, 4, 5, 13, 6, 9, 12, 10, 11];

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void BytesSurviveARoundTrip(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        for (int round = 0; round < 4; round++)
        {
            machine.CpuFill(interval, round);
            machine.MoveAway(interval);
            Assert.Equal(Pattern.Of(interval.End - PageSize.Bytes, PageSize.Bytes, round), machine.Client.DevicePage(interval.End - 1));
            machine.BringBack(interval.Start);
            machine.AssertPattern(interval, round);
        }

        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && page.IsWritable));
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void BytesOfAPopulatedBlockSurvive(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        machine.BringBack(interval.Start);
        machine.AssertPattern(interval);
    });

    [Theory]
    [InlineData(16)]
    [InlineData(PageSize.PagesPerHuge)]
    public void HolesStayHolesAndReadAsZeroes(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        byte[] expected = new byte[interval.Bytes];
        for (int page = 0; page < pages; page += 3)
        {
            AddressRange written = AddressRange.OfPages(interval.Start + ((long)page << PageSize.Shift), 1);
            machine.CpuFill(written);
            Pattern.Of(written.Start, written.Bytes).CopyTo(expected, page << PageSize.Shift);
        }

        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        for (int page = 0; page < pages; page++)
            Assert.Equal(page % 3 == 0 || !machine.Has(HostMemoryCapabilities.LazyZero), staging.IsPresent(page));
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(interval, staging, writable: true));
        machine.Memory.ReleaseStaging(staging);
        machine.AssertBytes(interval.Start, expected);

        machine.MoveAway(interval);
        machine.BringBack(interval.Start);
        machine.AssertBytes(interval.Start, expected);
    });

    [Fact]
    public void AFreshIntervalGoesAwayAsHolesOrZeroesAndComesBackAsZeroes() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(AddressRange.OfPages(interval.Start, 4), MemoryAccess.Read));
        machine.MoveAway(interval);
        Assert.Equal(new byte[PageSize.Bytes], machine.Client.DevicePage(interval.Start));
        Assert.Equal(new byte[PageSize.Bytes], machine.Client.DevicePage(interval.End - 1));
        machine.BringBack(interval.Start);
        machine.AssertZero(interval);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void DetachedPagesAreAbsent(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        Assert.All(machine.Query(interval), page => Assert.False(page.IsPresent));
        machine.BringBack(interval.Start);
    });

    [Theory]
    [InlineData(0, 16)]
    [InlineData(160, 16)]
    [InlineData(511, 1)]
    [InlineData(256, 256)]
    public void APartOfAHugePageGoesAndTheRestStays(int first, int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(PageSize.PagesPerHuge);
        AddressRange part = AddressRange.OfPages(interval.Start + ((long)first << PageSize.Shift), pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        machine.CpuFill(interval);
        machine.MoveAway(part);
        HostPage[] state = machine.Query(interval);
        for (int i = 0; i < state.Length; i++)
        {
            Assert.Equal(i < first || i >= first + pages, state[i].IsPresent);
            Assert.Equal(PageOrder.Small, state[i].Order);
        }

        machine.AssertPattern(new AddressRange(interval.Start, part.Start));
        machine.AssertPattern(new AddressRange(part.End, interval.End));
        machine.BringBack(part.Start);
        machine.AssertPattern(interval);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void AnAbandonedMigrationPutsTheSameBlockBack(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        byte[] moved = new byte[interval.Bytes];
        DmaBytes.Read(staging.Pointer, moved);
        Assert.Equal(Pattern.Of(interval.Start, interval.Bytes), moved);
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(interval, staging, writable: true));
        machine.Memory.ReleaseStaging(staging);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void ABlockMayBeAttachedInPieces() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        AddressRange low = AddressRange.OfPages(interval.Start, 6), high = new(low.End, interval.End);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(high, staging, writable: true));
        Assert.All(machine.Query(low), page => Assert.False(page.IsPresent));
        Assert.All(machine.Query(high), page => Assert.True(page.IsPresent));
        machine.AssertPattern(high);
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(low, staging, writable: true));
        machine.Memory.ReleaseStaging(staging);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void HolesOfABlockStayAbsentWhenItIsAttached() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: true);
        Assert.NotNull(staging);
        staging.SetPresent(2, 5, present: false);
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(interval, staging, writable: true));
        HostPage[] state = machine.Query(interval);
        for (int i = 0; i < state.Length; i++)
            Assert.Equal(i is < 2 or > 6, state[i].IsPresent);
        machine.Memory.ReleaseStaging(staging);
        Assert.Equal(SvmStatus.Done, machine.Memory.Discard(interval));
        machine.Client.Forget(interval);
        machine.AssertZero(interval);
    });

    [Fact]
    public void PagesMayComeBackOneByOne() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        machine.CpuFill(interval);
        for (int i = 0; i < 16; i++)
            machine.MoveAway(AddressRange.OfPages(interval.Start + ((long)i << PageSize.Shift), 1));
        foreach (int i in _shuffled)
        {
            VirtualAddress address = interval.Start + ((long)i << PageSize.Shift);
            machine.BringBack(address);
            machine.AssertPattern(AddressRange.OfPages(address, 1));
        }

        machine.AssertPattern(interval);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void WhatTheDeviceWroteComesBack(int pages) => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        byte[] expected = Pattern.Of(interval.Start, interval.Bytes);
        for (int page = 0; page < pages; page += 2)
        {
            byte[] change = [1, 2, 3, 4, 5, 6, 7, 8];
            machine.Client.DeviceWrite(interval.Start + ((long)page << PageSize.Shift) + 100, change);
            change.CopyTo(expected, (page << PageSize.Shift) + 100);
        }

        machine.BringBack(interval.Start);
        machine.AssertBytes(interval.Start, expected);
    });

    [Fact]
    public void AttachingIntoFreedMemorySaysUnmappedAndLosesNoBlock() => Run(machine =>
    {
        AddressRange allocation = machine.Allocate(PageSize.PagesPerHuge), interval = AddressRange.OfPages(allocation.Start, 16);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        machine.Free(allocation);
        Assert.Equal(SvmStatus.Unmapped, machine.Memory.Attach(interval, staging, writable: true));
        machine.Memory.ReleaseStaging(staging);
    });

    [Fact]
    public void WhatIsNotMappedCannotBeDetached() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(1);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        machine.Free(interval);
        Assert.NotEqual(SvmStatus.Done, machine.Memory.Detach(interval, staging));
        Assert.False(staging.IsPresent(0));
        machine.Memory.ReleaseStaging(staging);
    });

    [Fact]
    public void ABlockWithPagesInItTakesNoOthers() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: true);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Detach(interval, staging));
        machine.Memory.ReleaseStaging(staging);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void ABlockServesOnlyItsOwnInterval() => Run(machine =>
    {
        AddressRange interval = machine.AllocateAligned(32);
        AddressRange first = AddressRange.OfPages(interval.Start, 16), second = new(first.End, interval.End);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(first, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Detach(second, staging));
        machine.Memory.ReleaseStaging(staging);
        machine.AssertPattern(interval);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomMigrationsKeepEveryByte(int seed) => Run(machine =>
    {
        var random = new Random(seed);
        AddressRange interval = machine.AllocateAligned(2 * PageSize.PagesPerHuge);
        byte[] model = new byte[interval.Bytes];
        for (int step = 0; step < 300; step++)
        {
            var order = new PageOrder((byte)(random.Next(10) == 0 ? 9 : random.Next(6)));
            VirtualAddress address = (interval.Start + random.NextInt64(interval.Bytes)).AlignDown(order);
            int offset = (int)(address - interval.Start);
            if (machine.Client.IsAway(address))
            {
                machine.BringBack(address);
                continue;
            }

            if (random.Next(2) == 0)
            {
                SvmStatus status = machine.Client.MoveAway(address.Block(order));
                Assert.True(status is SvmStatus.Done or SvmStatus.Busy, $"seed {seed}, step {step}: MoveAway answered {status}.");
                continue;
            }

            byte[] bytes = Pattern.Of(address, random.Next(1, PageSize.Bytes), step);
            bytes.CopyTo(model, offset);
            machine.CpuWrite(address, bytes);
        }

        machine.Client.BringAllBack();
        machine.AssertBytes(interval.Start, model);
    });
}
