// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Conformance.Races;

/// <summary>R-1 to R-5: a GPU fault looks at pages and publishes them while they change.</summary>
public abstract class PublicationRaces : RaceConformance
{
    /// <summary>R-1: the page comes home between the look at it and the notifier lock.</summary>
    [Fact]
    public void AnEventBetweenLookingAndLockingMakesGetStartOver() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        int looks = 0;
        using (var race = new Interleaving())
        {
            Func<bool> here = Interleaving.Here();
            race.At(SchedulePointKind.HmmFaulted, () => RaceMachine.OnAnotherThread(() => machine.Store(memory.Start, 2)), thread: here)
                .At(SchedulePointKind.HmmFaulted, () => looks = 2, nth: 2, thread: here);
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        Assert.Equal((2, 0L), (looks, gpu.Vm.Counters.Retries)); // Get itself started over, the handler did not have to.
        machine.Check();
        Assert.Equal(Core.Device.AddressProtocol.System, gpu.Lookup(memory.Start).Protocol); // Not the frame that it saw first.
        Assert.Equal(2, gpu.Load(memory.Start));
    });

    /// <summary>R-2: the event wants the notifier lock while the pages are published under it.</summary>
    [Fact]
    public void AnEventThatWaitsForThePublicationTakesItBackAndBindNotices() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        using var wants = new ManualResetEventSlim();
        using var called = new ManualResetEventSlim();
        ProgramThread? cpu = null;
        using (var race = new Interleaving())
        {
            Func<bool> here = Interleaving.Here();
            Func<bool> there = Interleaving.Elsewhere();
            race.At(SchedulePointKind.PagesPublishing, () =>
                {
                    cpu = new ProgramThread(() => machine.Store(memory.Start, 2));
                    Interleaving.Until(() => wants.IsSet);
                }, thread: here)
                .At(SchedulePointKind.LockTake, wants.Set, when: lockTaken => lockTaken is RankedReaderWriterLock { Rank: LockRank.Notifier }, thread: there)
                .At(SchedulePointKind.PagesMapped, () => Interleaving.Until(() => called.IsSet), thread: here)
                .At(SchedulePointKind.InvalidationCalled, called.Set, thread: there);
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        cpu!.Join();
        Assert.True(gpu.Vm.Counters.Retries > 0);
        machine.Check();
        Assert.Equal(2, gpu.Load(memory.Start));
    });

    /// <summary>R-3: the page comes home between get pages and bind.</summary>
    [Fact]
    public void AnEventBetweenGetAndBindMakesTheHandlerRetry() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(() => machine.Store(memory.Start, 2)), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        Assert.True(gpu.Vm.Counters.Retries > 0);
        machine.Check();
        Assert.Equal(2, gpu.Load(memory.Start));
    });

    /// <summary>R-4: an event for the neighbour costs the look one more turn.</summary>
    [Fact]
    public void AnEventForANeighbourWhileLookingCostsOneTurn() => Run((machine, gpu) =>
    {
        (VirtualAddress own, VirtualAddress neighbour) = Neighbours(machine, gpu);
        int looks = 0;
        using (var race = new Interleaving())
        {
            Func<bool> here = Interleaving.Here();
            race.At(SchedulePointKind.HmmFaulted, () => RaceMachine.OnAnotherThread(() => machine.Store(neighbour, 3)), thread: here)
                .At(SchedulePointKind.HmmFaulted, () => looks = 2, nth: 2, thread: here);
            Assert.Equal(SvmStatus.Done, gpu.Fault(own));
        }

        Assert.Equal((2, 0L), (looks, gpu.Vm.Counters.Retries));
        machine.Check();
        Assert.Equal((1, 3), (gpu.Load(own), gpu.Load(neighbour)));
    });

    /// <summary>R-4: what was mapped before the neighbour's event stays valid, and is bound without another look.</summary>
    [Fact]
    public void AnEventForANeighbourDoesNotUndoAMapping() => Run((machine, gpu) =>
    {
        (VirtualAddress own, VirtualAddress neighbour) = Neighbours(machine, gpu);
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(() => machine.Store(neighbour, 3)), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(own));
        }

        Assert.Equal(0, gpu.Vm.Counters.Retries);
        machine.Check();
        Assert.Equal((1, 3), (gpu.Load(own), gpu.Load(neighbour)));
    });

    /// <summary>R-5: the whole mapping goes at each point of the look.</summary>
    [Theory]
    [InlineData(SchedulePointKind.SequenceRead)]
    [InlineData(SchedulePointKind.HmmFault)]
    [InlineData(SchedulePointKind.HmmFaulted)]
    [InlineData(SchedulePointKind.PagesMapped)]
    public void MunmapDuringGetNeverEndsInSuccess(SchedulePointKind point) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        machine.Forget(memory);
        using (var race = new Interleaving())
        {
            race.At(point, () => RaceMachine.OnAnotherThread(() => machine.Unmap(memory)), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.NotMapped, gpu.Fault(memory.Start));
        }

        gpu.Vm.Collect();
        Assert.Equal(0, gpu.Vm.Mirror.RangeCount);
        Interleaving.Until(() => gpu.IsEmpty); // The bytes were nobody's.
    });

    /// <summary>Two ranges in one window; the second one is on the device.</summary>
    private static (VirtualAddress Own, VirtualAddress Neighbour) Neighbours(RaceMachine machine, RaceGpu gpu)
    {
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        VirtualAddress neighbour = memory.Start + PageSize.HugeBytes;
        machine.Put(memory.Start, 1);
        gpu.Store(neighbour, 2);
        Assert.True(gpu.Holds(neighbour));
        return (memory.Start, neighbour);
    }
}
