// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Races;

/// <summary>R-6 to R-10: the program changes its mappings under the GPU.</summary>
public abstract class UnmapRaces : RaceConformance
{
    /// <summary>R-6: a part goes, in front, in the middle or behind, while a fault on the rest is between get pages and bind.</summary>
    [Theory]
    [InlineData(0, 128, PartialUnmapMode.Split)]
    [InlineData(128, 256, PartialUnmapMode.Split)]
    [InlineData(384, 128, PartialUnmapMode.Split)]
    [InlineData(37, 1, PartialUnmapMode.Split)]
    [InlineData(0, 128, PartialUnmapMode.Kill)]
    [InlineData(128, 256, PartialUnmapMode.Kill)]
    [InlineData(384, 128, PartialUnmapMode.Kill)]
    public void APartThatGoesDuringAFaultOnTheRestIsAHoleAndTheRestKeepsItsBytes(int first, int pages, PartialUnmapMode mode) => Run(
        (machine, gpu) =>
        {
            AddressRange memory = machine.Allocate(PageSize.HugeBytes);
            gpu.Fill(memory);
            Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch)); // So that the next touch is a fault.
            GpuRange whole = gpu.RangeAt(memory.Start)!;
            AddressRange hole = AddressRange.OfPages(RaceMachine.PageOf(memory, first), pages);
            int rest = first == 0 ? 511 : 0;
            machine.Forget(memory);
            using (var race = new Interleaving())
            {
                race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(() => machine.Unmap(hole)), thread: Interleaving.Here());
                Assert.Equal(SvmStatus.Done, gpu.Fault(RaceMachine.PageOf(memory, rest)));
            }

            Assert.True(gpu.Vm.Counters.Retries > 0);
            Assert.NotSame(whole, gpu.RangeAt(RaceMachine.PageOf(memory, rest)));
            Assert.Null(gpu.RangeAt(hole.Start));
            Assert.Equal(SvmStatus.NotMapped, gpu.Fault(hole.Start));
            machine.Check();
            for (int page = 0; page < 512; page++)
            {
                if (page < first || page >= first + pages)
                    Assert.Equal(page + 1, gpu.Load(RaceMachine.PageOf(memory, page)));
            }

            machine.Check();
            machine.AssertFilled(memory, 0, first);
            machine.AssertFilled(memory, first + pages, 512);
            machine.Unmap(memory);
        },
        new GpuVmOptions { Placement = new MigrateAlways(), PartialUnmap = mode });

    /// <summary>R-6: more goes while the pieces are made; the pieces are made anew.</summary>
    [Fact]
    public void WhatGoesWhileTheRangeIsBeingSplitIsNotLost() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        machine.Forget(memory);
        machine.Unmap(AddressRange.OfPages(RaceMachine.PageOf(memory, 256), 16));
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.RangeSplit, () => RaceMachine.OnAnotherThread(() => machine.Unmap(AddressRange.OfPages(RaceMachine.PageOf(memory, 3), 1))));
            gpu.Vm.Collect();
        }

        machine.Check();
        Assert.Equal(SvmStatus.NotMapped, gpu.Fault(RaceMachine.PageOf(memory, 3)));
        Assert.Equal(SvmStatus.NotMapped, gpu.Fault(RaceMachine.PageOf(memory, 260)));
        Assert.Equal((12, 512), (gpu.Load(RaceMachine.PageOf(memory, 11)), gpu.Load(RaceMachine.PageOf(memory, 511))));
        machine.Check();
        machine.Unmap(memory);
    });

    /// <summary>R-7: the memory is unmapped and mapped anew when the fault has collected and not yet looked, or has looked and not yet published.</summary>
    [Theory]
    [InlineData(SchedulePointKind.LockTakeShared)]
    [InlineData(SchedulePointKind.SequenceRead)]
    [InlineData(SchedulePointKind.HmmFaulted)]
    public void MemoryMappedAnewBeforeTheCollectorRanIsNotSeenThroughTheOldRange(SchedulePointKind point) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        GpuRange doomed = gpu.RangeAt(memory.Start)!;
        machine.Forget(memory);
        bool isShared = false;
        SvmStatus status;
        using (var race = new Interleaving())
        {
            race.At(
                point,
                () => RaceMachine.OnAnotherThread(() => isShared = machine.MapAnew(memory)),
                when: subject => point != SchedulePointKind.LockTakeShared || ReferenceEquals(subject, gpu.Vm.Lock),
                thread: Interleaving.Here());
            status = gpu.Fault(memory.Start);
        }

        Assert.True(doomed.IsUnmapped);
        if (isShared)
        {
            Assert.Equal(SvmStatus.Done, status);
            Assert.NotSame(doomed, gpu.RangeAt(memory.Start));
            Assert.Equal(0, gpu.Load(memory.Start));
            gpu.Store(memory.Start, 2);
            machine.Check();
            Assert.Equal(2, machine.Load(memory.Start));
            machine.Unmap(memory);
        }
        else
        {
            Assert.Equal(SvmStatus.NotMapped, status); // Somebody else's memory: the GPU leaves it alone.
            Assert.Equal(0, machine.Load(memory.Start));
            machine.Put(memory.Start, 2);
            Assert.Equal(SvmStatus.NotMapped, gpu.Fault(memory.Start));
            machine.Check();
            Assert.Equal(2, machine.Load(memory.Start));
            Assert.True(machine.Fixture.TryUnmap(machine.Memory, memory));
        }
    });

    /// <summary>R-8: the memory becomes read-only between get pages and bind of a write fault, where that is announced.</summary>
    [Fact]
    public void ProtectionThatIsAnnouncedDuringAWriteFaultEndsInReadOnly() => RunAnnounced((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(65536);
        machine.Put(memory.Start, 7);
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(() => machine.Protect(memory, writable: false)), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.ReadOnly, gpu.Fault(memory.Start));
        }

        Assert.False(gpu.Lookup(memory.Start).IsPresent);
        Assert.Equal(7, gpu.Load(memory.Start));
        Assert.False(gpu.Lookup(memory.Start).IsWritable);
        machine.Check();
        machine.Protect(memory, writable: true);
        gpu.Store(memory.Start, 8);
        Assert.Equal(8, machine.Load(memory.Start));
    });

    /// <summary>R-8: a writable entry is gone before the change of protection has returned.</summary>
    [Fact]
    public void NoWriteLandsAfterAProtectionThatIsAnnounced() => RunAnnounced((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(65536);
        gpu.Store(memory.Start, 7);
        Assert.True(gpu.Lookup(memory.Start).IsWritable);
        machine.Protect(memory, writable: false);
        Assert.False(gpu.Lookup(memory.Start).IsPresent);
        Assert.Equal(SvmStatus.ReadOnly, gpu.Fault(memory.Start));
        Assert.Equal(7, machine.Load(memory.Start));
        machine.Check();
        machine.Protect(memory, writable: true);
    });

    /// <summary>R-8: nobody hears of the change. Pages that are on the device then come home all the same, with every byte that was written there.</summary>
    [Fact]
    public void ProtectionThatIsNotAnnouncedLosesNoByteOnTheDevice() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        Needs(machine.Fixture.TryProtect(machine.Memory, memory, writable: false), "This memory's program cannot change its protection.");
        machine.AssertFilled(memory, 0, 512);
        Assert.False(gpu.Holds(memory.Start));
        Assert.False(gpu.Lookup(memory.Start).IsPresent);
        Assert.True(machine.Fixture.TryProtect(machine.Memory, memory, writable: true));
        machine.Check();
        gpu.Store(memory.Start, 9);
        Assert.Equal(9, machine.Load(memory.Start));
    });

    /// <summary>R-9: pages become copy-on-write between get pages and bind of a write fault: the sharing is broken before the GPU writes.</summary>
    [Fact]
    public void PagesThatBecomeSharedAreTheParentsOwnBeforeTheGpuWritesThem() => Run(
        (machine, gpu) =>
        {
            Needs((machine.Memory.Capabilities & HostMemoryCapabilities.WriteProtect) != 0, "This memory cannot protect pages against writes.");
            AddressRange memory = machine.Allocate(65536);
            machine.Put(memory.Start, 7);
            void ShareAsForkDoes()
            {
                machine.Host.EnterEventGate();
                machine.Host.ProtectionChanged(memory);
                Assert.Equal(SvmStatus.Done, machine.Memory.WriteProtect(memory, protect: true));
                machine.Host.LeaveEventGate();
            }

            var pages = new HostPage[memory.Pages];
            using (var race = new Interleaving())
            {
                race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(ShareAsForkDoes), thread: Interleaving.Here());
                Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
            }

            Assert.True(gpu.Vm.Counters.Retries > 0);
            Assert.True(gpu.Lookup(memory.Start).IsWritable);
            Assert.Equal(SvmStatus.Done, machine.Memory.Query(memory, pages));
            Assert.True(pages[0].IsWritable); // Broken apart, and only then mapped for writing.
            RaceMachine.OnAnotherThread(ShareAsForkDoes);
            Assert.False(gpu.Lookup(memory.Start).IsPresent);
            Assert.Equal(7, gpu.Load(memory.Start));
            gpu.Store(memory.Start, 8);
            Assert.Equal(8, machine.Load(memory.Start));
        },
        InRam);

    /// <summary>R-9: a fork that begins while pages are on their way to the device finds every byte in RAM, lets none leave, and is over afterwards.</summary>
    [Fact]
    public void AForkDuringAMigrationFindsEveryByteInRam() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 7);
        SvmStatus begun = SvmStatus.Busy;
        var forking = new Thread(() => begun = machine.Host.BeginFork());
        using (var race = new Interleaving())
        {
            race.At(
                SchedulePointKind.MigrationCollected,
                () =>
                {
                    forking.Start();
                    SpinWait.SpinUntil(() => machine.Host.IsForking, 30_000);
                },
                thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        Assert.True(forking.Join(30_000), "the fork waits for ever");
        Assert.Equal(SvmStatus.Done, begun);
        Assert.Equal(0, machine.Host.AwayPages);
        Assert.True(machine.Fixture.SignalOfChild(machine.Memory, memory.Start) is null or 0);
        Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start)); // Nothing leaves: it is used where it is.
        gpu.Store(memory.Start + 8, 8);
        Assert.False(gpu.Holds(memory.Start));
        machine.Host.EndFork();
        Assert.False(gpu.Lookup(memory.Start).IsPresent); // So that it can come.
        Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        Assert.True(gpu.Holds(memory.Start));
        machine.Check();
        Assert.Equal((7, 8), (machine.Load(memory.Start), machine.Load(memory.Start + 8)));
    });

    /// <summary>R-9: a child that is made behind our back does not get shared memory at all, and that disturbs neither the GPU nor its pages.</summary>
    [Fact]
    public void AForkBehindOurBackDuringAMigrationGivesTheChildNothingAndTheParentEverything() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 7);
        Needs(machine.Fixture.SignalOfChild(machine.Memory, memory.Start) is not null, "This memory's program has no children.");
        int? inRam = null;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.MigrationCollected, () => inRam = machine.Fixture.SignalOfChild(machine.Memory, memory.Start), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        Assert.NotEqual(0, inRam);
        Assert.NotEqual(0, machine.Fixture.SignalOfChild(machine.Memory, memory.Start));
        Assert.True(gpu.Holds(memory.Start));
        gpu.Store(memory.Start + 8, 8);
        machine.Check();
        Assert.Equal((7, 8), (machine.Load(memory.Start), machine.Load(memory.Start + 8)));
    });

    /// <summary>R-10: the memory moves away between get pages and bind; what is in RAM follows it, and the old address is nobody's.</summary>
    [Fact]
    public void MemoryThatMovesAwayDuringAFaultIsForgottenAtItsOldAddress() => Run(
        (machine, gpu) =>
        {
            AddressRange memory = machine.Allocate(PageSize.HugeBytes);
            for (int page = 0; page < 512; page++)
                machine.Store(RaceMachine.PageOf(memory, page), page + 1);
            machine.Forget(memory);
            AddressRange moved = default;
            bool isShared = false;
            using (var race = new Interleaving())
            {
                race.At(SchedulePointKind.PagesMapped, () => RaceMachine.OnAnotherThread(() => isShared = machine.Move(memory, out moved)), thread: Interleaving.Here());
                Assert.Equal(SvmStatus.NotMapped, gpu.Fault(memory.Start));
            }

            Assert.Equal(isShared ? SvmStatus.Done : SvmStatus.NotMapped, gpu.Fault(moved.Start));
            Assert.Null(gpu.RangeAt(memory.Start));
            Assert.Equal(0, isShared ? 0 : gpu.Device.DmaMapper.LivePages);
            machine.Check();
            machine.AssertFilled(moved, 0, 512);
            Assert.True(machine.Fixture.TryUnmap(machine.Memory, moved));
        },
        InRam);

    /// <summary>R-10: pages on the device follow their mapping, where moves are announced.</summary>
    [Fact]
    public void PagesOnTheDeviceFollowTheirMapping() => Run((machine, gpu) =>
    {
        Needs((machine.Memory.Capabilities & HostMemoryCapabilities.Remaps) != 0, "This memory hears of a move as of an unmap: pages on a device go with the old address.");
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        machine.Forget(memory);
        Assert.True(machine.Move(memory, out AddressRange moved));
        Assert.Equal(SvmStatus.NotMapped, gpu.Fault(memory.Start));
        Assert.True(gpu.Holds(moved.Start));
        Assert.Equal(512, gpu.Load(RaceMachine.PageOf(moved, 511)));
        machine.Check();
        machine.AssertFilled(moved, 0, 512);
        machine.Unmap(moved);
    });

    /// <summary>Runs a race on a memory that announces changes of protection, or skips it.</summary>
    /// <param name="body">The race.</param>
    private void RunAnnounced(Action<RaceMachine, RaceGpu> body)
    {
        IHostMemory? memory = Fixture.Unavailable is null ? Fixture.CreateAnnouncingProtection() : null;
        Needs(memory is not null, "This memory hears of no change of protection.");
        RunBare(machine => body(machine, machine.Add()), make: () => memory!);
    }
}
