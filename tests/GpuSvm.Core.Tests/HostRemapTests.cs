// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Mappings that move to other addresses, at every moment of a migration: bytes follow the mapping, and nothing remembers the old address.</summary>
public sealed class HostRemapTests
{
    private const int Pages = 32;

    [Fact]
    public void PagesInRamOnADeviceAndExclusiveOnesFollowTheirMapping() => Run(machine =>
    {
        AddressRange from = machine.MapFilled(Pages);
        Assert.Equal(8, machine.Device.MoveIn(AddressRange.OfPages(from.Start, 8)));
        Assert.Equal(SvmStatus.Done, machine.Want(AddressRange.OfPages(from.Start + (8 * PageSize.Bytes), 8), HmmRequest.Exclusive, 7).Status);
        AddressRange to = machine.Remap(from, machine.FarAway(1) + (5 * PageSize.Bytes));
        Assert.True(machine.EntryOf(from.Start).IsHost);
        Assert.True(machine.EntryOf(to.Start).IsDevice);
        Assert.True(machine.EntryOf(to.Start + (8 * PageSize.Bytes)).IsExclusive);
        Assert.Equal(to.Start, machine.Host.FindByFrame(machine.Device.Index, machine.EntryOf(to.Start).Frame));
        machine.AssertFilled(to);
        return to;
    });

    [Fact]
    public void ThePhysicalWayHomeFindsPagesAtTheirNewAddress() => Run(machine =>
    {
        AddressRange from = machine.MapFilled(Pages);
        Assert.Equal(Pages, machine.Device.MoveIn(from));
        DeviceFrame[] frames = [.. Enumerable.Range(0, Pages).Select(page => machine.EntryOf(AddressSpaceMachine.PageOf(from, page)).Frame)];
        AddressRange to = machine.Remap(from, machine.FarAway(1));
        Assert.Equal(1, machine.Device.EvictFrames(frames));
        machine.AssertFilled(to);
        return to;
    });

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void PagesOnTheirWayToTheDeviceArriveAtTheirNewAddress(bool fails, bool twice) => Run(machine =>
    {
        AddressRange from = machine.MapFilled(Pages);
        AddressRange to = default;
        machine.Device.FailsNext = fails;
        machine.Device.WhileMoving = () =>
        {
            to = machine.Remap(from, machine.FarAway(1) + (3 * PageSize.Bytes));
            if (twice)
                to = machine.Remap(to, machine.FarAway(2) + (500 * PageSize.Bytes)); // Across a 2 MiB boundary, too.
        };
        Assert.Equal(fails ? SvmStatus.CopyFailed : SvmStatus.Done, machine.Device.MoveIn(from, new MigrationSelection(System: true), out int arrived));
        Assert.Equal(fails ? 0 : Pages, arrived);
        Assert.Equal(!fails, machine.EntryOf(to.Start).IsDevice);
        Assert.True(machine.EntryOf(from.Start).IsHost);
        machine.AssertFilled(to);
        return to;
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PagesOnTheirWayHomeArriveAtTheirNewAddress(bool fails) => Run(machine =>
    {
        AddressRange from = machine.MapFilled(Pages);
        Assert.Equal(Pages, machine.Device.MoveIn(from));
        AddressRange to = default;
        machine.Device.FailsNext = fails;
        machine.Device.WhileMoving = () => to = machine.Remap(from, machine.FarAway(1) + (7 * PageSize.Bytes));
        Assert.Equal(fails ? SvmStatus.CopyFailed : SvmStatus.Done, machine.Device.MoveHome(from, FrameSelection.Any, MigrationCause.Eviction, out _));
        Assert.Equal(fails, machine.EntryOf(to.Start).IsDevice);
        machine.AssertFilled(to);
        return to;
    });

    [Fact]
    public void HalfOfAMigrationMovesAndTheOtherHalfStays() => Run(machine =>
    {
        AddressRange whole = machine.MapFilled(Pages);
        var low = AddressRange.OfPages(whole.Start, Pages / 2);
        AddressRange to = default;
        machine.Device.FailsNext = true;
        machine.Device.WhileMoving = () => to = machine.Remap(low, machine.FarAway(1));
        Assert.Equal(SvmStatus.CopyFailed, machine.Device.MoveIn(whole, new MigrationSelection(System: true), out _));
        machine.AssertFilled(to);
        for (int page = Pages / 2; page < Pages; page++)
            Assert.Equal(page + 1, machine.Load(AddressSpaceMachine.PageOf(whole, page)));
        machine.Unmap(new AddressRange(low.End, whole.End));
        return to;
    });

    [Fact]
    public void APageMovedOntoOneThatIsOnItsWayTakesItsPlace() => Run(machine =>
    {
        AddressRange target = machine.MapFilled(Pages, number: 3);
        AddressRange from = machine.MapFilled(Pages);
        for (int page = 0; page < Pages; page++)
            machine.Store(AddressSpaceMachine.PageOf(from, page), 100 + page);
        Assert.Equal(8, machine.Peer.MoveIn(AddressRange.OfPages(from.Start, 8)));
        machine.Device.WhileMoving = () => machine.Remap(from, target.Start);
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(target, new MigrationSelection(System: true), out int arrived));
        Assert.Equal((0, 1024), (arrived, machine.Device.FreeFrames)); // What it carried is gone.
        Assert.True(machine.EntryOf(target.Start).IsDevice);
        for (int page = 0; page < Pages; page++)
            Assert.Equal(100 + page, machine.Load(AddressSpaceMachine.PageOf(target, page)));
        return target;
    });

    [Fact]
    public void APageThatMovesWithinAMigrationOntoItsNeighbourKeepsItsBytes() => Run(machine =>
    {
        AddressRange whole = machine.MapFilled(Pages);
        AddressRange low = AddressRange.OfPages(whole.Start, 8);
        AddressRange high = AddressRange.OfPages(whole.Start + (16 * PageSize.Bytes), 8);
        machine.Device.WhileMoving = () => machine.Remap(low, high.Start);
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(whole, new MigrationSelection(System: true), out int arrived));
        Assert.Equal(Pages - 8, arrived);
        for (int page = 0; page < 8; page++)
            Assert.Equal(page + 1, machine.Load(AddressSpaceMachine.PageOf(high, page)));
        return new AddressRange(low.End, whole.End);
    });

    [Fact]
    public void WhatIsUnmappedAtItsNewAddressDoesNotComeBack() => Run(machine =>
    {
        AddressRange from = machine.MapFilled(Pages);
        machine.Device.WhileMoving = () =>
        {
            AddressRange to = machine.Remap(from, machine.FarAway(1));
            machine.Unmap(to);
            Assert.Equal(from, machine.MapFilled(Pages)); // And new memory stands at the old address meanwhile.
        };
        machine.Device.FailsNext = true;
        Assert.Equal(SvmStatus.CopyFailed, machine.Device.MoveIn(from, new MigrationSelection(System: true), out _));
        machine.AssertFilled(from);
        return from;
    });

    /// <summary>The move comes between the claim and the deed: of the host memory's operations, at each.</summary>
    [Theory]
    [InlineData(SimulatedOperation.Detach)]
    [InlineData(SimulatedOperation.Populate)]
    public void AMoveJustBeforePagesAreTakenOrMadeIsSeen(SimulatedOperation operation) => Run(machine =>
    {
        AddressRange target = machine.MapFilled(Pages, number: 3);
        Assert.Equal(SvmStatus.Done, machine.Simulated().DontNeed(target));
        AddressRange from = machine.MapFilled(Pages);
        Assert.Equal(8, machine.Peer.MoveIn(AddressRange.OfPages(from.Start, 8)));
        bool moved = false;
        bool isLooking = false;
        SchedulePoint.Install((kind, subject) =>
        {
            // The last moment before the gate closes.
            bool isLast = operation == SimulatedOperation.Detach ? kind == SchedulePointKind.InvalidationCalled
                : kind == SchedulePointKind.LockReleased && subject is RankedReaderWriterLock { Rank: LockRank.PageState };
            if (!isLast || moved || isLooking)
                return;
            isLooking = true;
            moved = machine.EntryOf(target.Start).IsMigrating;
            if (moved)
                machine.Remap(from, target.Start);
            isLooking = false;
        });
        if (operation == SimulatedOperation.Detach)
            Assert.Equal(SvmStatus.Busy, machine.Device.MoveIn(target, new MigrationSelection(System: true), out _)); // None of them is its own any more.
        else
            _ = machine.Host.Populate(target, Device.MemoryAccess.Write);
        SchedulePoint.Install(null);
        Assert.True(moved);
        machine.AssertFilled(target);
        return target;
    });

    [Fact]
    public void RemappedMemoryIsFaultedFreshByTheGpu()
    {
        using var machine = new Machine();
        AddressRange mapped = AddressRange.OfBytes(new VirtualAddress(0x2000_0000_0000), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        for (int page = 0; page < 512; page++)
            machine.GpuStore(AddressSpaceMachine.PageOf(mapped, page), page + 1);
        var to = new VirtualAddress(0x2000_4000_0000);
        Assert.Equal(SvmStatus.Done, machine.Memory.Remap(mapped, to));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(mapped.Start));
        for (int page = 0; page < 512; page++)
            Assert.Equal(page + 1, machine.GpuLoad(to + ((long)page * PageSize.Bytes)));
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfBytes(to, mapped.Bytes)));
    }

    /// <summary>Runs a test, unmaps what it leaves, and looks for leaks.</summary>
    private static void Run(Func<AddressSpaceMachine, AddressRange> body)
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange left = body(machine);
        machine.Unmap(left);
        Assert.Equal(0, machine.Host.States.MovedClaims);
        machine.Finish();
    }
}
