// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>What the host layer alone makes of each failure: the status it answers, what has changed, and that the next try works. The sweep of whole machines cannot show the statuses.</summary>
public sealed class HostInjectionTests
{
    private const int Pages = 16;

    [Theory]
    [InlineData(InjectionPoint.HostStaging, SvmStatus.OutOfHostMemory, true)]
    [InlineData(InjectionPoint.HostDetach, SvmStatus.Busy, true)]
    [InlineData(InjectionPoint.HostPending, SvmStatus.Retry, true)]
    [InlineData(InjectionPoint.HostStaging, SvmStatus.OutOfHostMemory, false)]
    [InlineData(InjectionPoint.HostDetach, SvmStatus.Done, false)] // Narrows, or looks for the page in the way: a part goes, or all of it.
    [InlineData(InjectionPoint.HostPending, SvmStatus.Retry, false)]
    public void AMigrationToTheDeviceThatFailsLeavesEveryPageInRam(InjectionPoint point, SvmStatus expected, bool allOrNothing) => Run(machine =>
    {
        AddressRange memory = Filled(machine);
        Injection.Arm(point, 1);
        SvmStatus status = machine.Device.MoveIn(memory, new MigrationSelection(System: true, AllOrNothing: allOrNothing), out int arrived);
        if (point == InjectionPoint.HostStaging && !allOrNothing)
            Assert.Equal((SvmStatus.Done, Pages / 2), (status, arrived)); // Narrowed to what half a block holds.
        else
            Assert.Equal((expected, expected == SvmStatus.Done ? Pages : 0), (status, arrived));
        machine.AssertFilled(memory);
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(memory, new MigrationSelection(System: true), out arrived));
        Assert.Equal(Pages, arrived);
        machine.AssertFilled(memory);
    });

    [Fact]
    public void ADetachThatFailsAtOneRunGivesBackTheRunsBeforeIt() => Run(machine =>
    {
        AddressRange memory = Filled(machine);
        Assert.Equal(2, machine.Peer.MoveIn(AddressRange.OfPages(AddressSpaceMachine.PageOf(memory, 7), 2))); // Cuts the interval in two runs.
        Injection.Reset();
        Injection.Arm(InjectionPoint.HostDetach, 2);
        Injection.Arm(InjectionPoint.HostAttach, 1); // And giving back fails once as well.
        SvmStatus status = machine.Device.MoveIn(memory, new MigrationSelection(System: true, PeerOwner: machine.Peer.OwnerToken, AllOrNothing: true), out int arrived);
        Assert.Equal((SvmStatus.Busy, 0), (status, arrived));
        Assert.Equal((2L, 0), (Injection.Hits(InjectionPoint.HostDetach), Injection.Waiting(InjectionPoint.HostAttach)));
        machine.AssertFilled(memory);
    });

    [Theory]
    [InlineData(InjectionPoint.HostStaging, SvmStatus.OutOfHostMemory)]
    [InlineData(InjectionPoint.HostAttach, SvmStatus.OutOfHostMemory)]
    [InlineData(InjectionPoint.HostPending, SvmStatus.Done)] // The event is read, and the attach done again.
    public void AMigrationHomeThatFailsLeavesThePagesOnTheDevice(InjectionPoint point, SvmStatus expected) => Run(machine =>
    {
        AddressRange memory = Filled(machine);
        Assert.Equal(Pages, machine.Device.MoveIn(memory));
        Injection.Arm(point, 1);
        Assert.Equal(expected, machine.Device.MoveHome(memory, FrameSelection.Any, MigrationCause.Eviction, out _));
        Assert.Equal(expected == SvmStatus.Done ? 0 : Pages, Enumerable.Range(0, Pages).Count(page => machine.EntryOf(AddressSpaceMachine.PageOf(memory, page)).IsDevice));
        machine.AssertFilled(memory); // The next try succeeds.
    });

    [Theory]
    [InlineData(InjectionPoint.HostPopulate, SvmStatus.OutOfHostMemory)]
    [InlineData(InjectionPoint.WorkspaceAllocate, SvmStatus.OutOfHostMemory)]
    [InlineData(InjectionPoint.HostPending, SvmStatus.Done)]
    public void ATouchOfAnAbsentPageThatFailsSaysSoOnce(InjectionPoint point, SvmStatus expected) => Run(machine =>
    {
        AddressRange memory = machine.Allocate(Pages);
        Injection.Arm(point, 1);
        Assert.Equal(expected, machine.Simulated().CpuWrite(memory.Start, [1]));
        Assert.Equal(0, Injection.Waiting(point));
        Assert.Equal(SvmStatus.Done, machine.Simulated().CpuWrite(memory.Start, [1]));
    });

    [Theory]
    [InlineData(InjectionPoint.HostQuery, HmmRequest.Read)]
    [InlineData(InjectionPoint.HostPopulate, HmmRequest.Read)]
    [InlineData(InjectionPoint.HostPopulate, HmmRequest.Write)]
    public void AWalkThatFailsSaysSoAndTheNextOneDescribesThePages(InjectionPoint point, HmmRequest request) => Run(machine =>
    {
        AddressRange memory = machine.Allocate(Pages);
        Injection.Arm(point, 1);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Want(memory, request, 7).Status);
        (SvmStatus status, HmmFrame[] frames) = machine.Want(memory, request, 7);
        Assert.Equal(SvmStatus.Done, status);
        Assert.All(frames.Take(Pages), frame => Assert.True(frame.IsValid));
    });

    [Fact]
    public void AnAllocationThatFailsTakesNoAddresses() => Run(machine =>
    {
        Injection.Arm(InjectionPoint.HostAllocate, 1);
        Assert.Equal((SvmStatus.OutOfHostMemory, default), (machine.Host.Allocate(PageSize.Bytes, out AddressRange none), none));
        Assert.Equal(SvmStatus.Done, machine.Host.Allocate(PageSize.Bytes, out AddressRange interval));
        Assert.Equal(SvmStatus.Done, machine.Host.Free(interval));
    });

    [Fact]
    public void AFreeThatFailsHasGivenThePagesUpAndCanBeDoneAgain() => Run(machine =>
    {
        Assert.Equal(SvmStatus.Done, machine.Host.Allocate(Pages * PageSize.Bytes, out AddressRange memory));
        machine.Fill(memory);
        Assert.Equal(Pages, machine.Device.MoveIn(memory));
        Injection.Arm(InjectionPoint.HostFree, 1);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Host.Free(memory));
        Assert.Equal((0L, 1024), (machine.Host.AwayPages, machine.Device.FreeFrames));
        Assert.Equal(0, machine.Load(memory.Start)); // The addresses are still a mapping, and read as zeroes.
        Assert.Equal(SvmStatus.Done, machine.Host.Free(memory));
        Assert.False(machine.Host.TryFindMapping(memory.Start, out HostMapping mapping) && mapping.Interval.Contains(memory.Start));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Host.Free(memory));
    });

    [Fact]
    public void AReapThatCannotDropAMappingSaysSoAndDropsTheOthers() => Run(machine =>
    {
        AddressRange first = Filled(machine);
        _ = Filled(machine);
        Injection.Arm(InjectionPoint.HostDiscard, 1);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Host.TryReap());
        Assert.True(machine.Host.IsReaped);
        Assert.Equal(Pages, machine.Simulated().FramesInUse);
        Assert.Equal(SvmStatus.ProcessGone, machine.Host.Populate(first, MemoryAccess.Read));
        Assert.Equal(SvmStatus.Done, machine.Host.TryReap());
        Assert.Equal(0, machine.Simulated().FramesInUse);
    });

    [Theory]
    [InlineData(InjectionPoint.HostStaging, SvmStatus.Done)] // The interval is halved, and the halves taken one by one.
    [InlineData(InjectionPoint.HostDetach, SvmStatus.Done)] // The pages are taken run by run.
    [InlineData(InjectionPoint.HostPending, SvmStatus.Done)]
    [InlineData(InjectionPoint.HostQuery, SvmStatus.OutOfHostMemory)]
    public void TakingPagesForADeviceAloneLosesNothing(InjectionPoint point, SvmStatus expected) => Run(machine =>
    {
        AddressRange memory = Filled(machine);
        Injection.Arm(point, 1);
        Assert.Equal(expected, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        Assert.Equal(0, Injection.Waiting(point));
        Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        Assert.Equal(Pages, machine.Host.ExclusivePages);
        machine.AssertFilled(memory);
    });

    [Theory]
    [InlineData(InjectionPoint.HostAttach)]
    [InlineData(InjectionPoint.WorkspaceAllocate)]
    public void ExclusivePagesThatCannotBeGivenBackStayAndSaySo(InjectionPoint point) => Run(machine =>
    {
        AddressRange memory = Filled(machine);
        Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        HostWorkspace? kept = point == InjectionPoint.WorkspaceAllocate ? machine.Host.RentWorkspace() : null; // So that the next one must be made.
        Injection.Arm(point, 1);
        AddressRange last = AddressRange.OfPages(memory.End - PageSize.Bytes, 1);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Host.RestoreExclusive(last));
        Assert.Equal(Pages, machine.Host.ExclusivePages);
        Injection.Arm(point, 1);
        Assert.Equal(SvmStatus.Done, machine.Host.RestoreExclusive(memory)); // The first page's try fails, and the next page's brings it along.
        Assert.Equal((0L, 0), (machine.Host.ExclusivePages, Injection.Waiting(point)));
        if (kept is not null)
            machine.Host.ReturnWorkspace(kept);
        machine.AssertFilled(memory);
    });

    /// <summary>A VM over two devices of which the second has no pagemap lets go of the first.</summary>
    [Fact]
    public void AVmThatCannotHaveAllItsDevicesLetsGoOfTheOthers() => Run(machine =>
    {
        using var first = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1 });
        Injection.Arm(InjectionPoint.PagemapCreate, 2);
        var refusal = Assert.Throws<DeviceUnavailableException>(() => new GpuVm(machine.Host, [first, second], new GpuVmOptions()));
        Assert.Equal(SvmStatus.OutOfHostMemory, refusal.Status);
        Assert.Equal((0, 1), (Pagemaps.DevicePagemaps.Of(second).Shrinker.Count, Pagemaps.DevicePagemaps.Of(first).Shrinker.Count)); // Idle: nobody uses it any more.
        new GpuVm(machine.Host, [first, second], new GpuVmOptions()).Dispose();
    });

    /// <summary>Hits and failures that wait are counted apart for each point, and nothing is armed twice by mistake.</summary>
    [Fact]
    public void ArmedFailuresComeAtTheirHitsAndOnce()
    {
        Injection.Reset();
        Injection.Arm(InjectionPoint.HostFree, 2);
        Injection.Arm(InjectionPoint.HostFree, 4);
        Assert.Equal([false, true, false, true, false], Enumerable.Range(0, 5).Select(_ => Injection.ShouldFail(InjectionPoint.HostFree)));
        Assert.Equal((5L, 0L, 0), (Injection.Hits(InjectionPoint.HostFree), Injection.Hits(InjectionPoint.HostAllocate), Injection.Waiting(InjectionPoint.HostFree)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Injection.Arm(InjectionPoint.HostFree, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Injection.Arm((InjectionPoint)1000, 1));
        for (int i = 0; i < Injection.MostWaiting; i++)
            Injection.Arm(InjectionPoint.HostFree, 100);
        Assert.Throws<ArgumentException>(() => Injection.Arm(InjectionPoint.HostFree, 1));
        Injection.Reset();
    }

    [Fact]
    public void EveryPointSaysWhereItIs() => Assert.All(Enum.GetValues<InjectionPoint>(), point => Assert.NotEmpty(point.Where()));

    private static AddressRange Filled(AddressSpaceMachine machine)
    {
        AddressRange memory = machine.Allocate(Pages);
        machine.Fill(memory);
        return memory;
    }

    private static void Run(Action<AddressSpaceMachine> body)
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        Injection.Reset();
        body(machine);
        Injection.Reset();
        machine.Finish();
    }
}
