// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Races;

/// <summary>R-25 to R-30: several devices, several users of one memory, and events that come too often or may not wait.</summary>
public abstract class DeviceRaces : RaceConformance
{
    private static readonly VirtualAddress _window = new((1UL << 47) + (3 << 21)); // Where the GPU sees a user pointer.

    /// <summary>R-25: the peer's entries and its mapping of the frames are gone before the copy home begins.</summary>
    [Fact]
    public void AnEvictionTakesThePeersMappingAwayBeforeTheFramesGo() => RunBare(machine =>
    {
        RaceGpu gpu = machine.Add();
        RaceGpu peer = machine.Add(InRam);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        peer.Store(memory.Start + 8, 2);
        Assert.Equal((AddressProtocol.Peer, 512L), (peer.Lookup(memory.Start).Protocol, gpu.Device.LivePeerPages));
        long mapped = -1;
        bool isBound = true;
        SvmStatus peersFault = SvmStatus.Retry;
        ProgramThread? faulting = null;
        using var waits = new ManualResetEventSlim();
        using (var race = new Interleaving())
        {
            race.At(
                    SchedulePointKind.MigrationCollected,
                    () =>
                    {
                        (mapped, isBound) = (gpu.Device.LivePeerPages, peer.Lookup(memory.Start).IsPresent);
                        faulting = new ProgramThread(() => peersFault = peer.Fault(memory.Start)); // Waits for the claim, and finds the page in RAM.
                        Interleaving.Until(() => waits.IsSet);
                    },
                    thread: Interleaving.Here())
                .At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, machine.Host.States), thread: Interleaving.Elsewhere());
            Assert.Equal(SvmStatus.Done, gpu.Pagemap.EvictOne());
        }

        faulting!.Join();
        Assert.Equal((0L, false, SvmStatus.Done), (mapped, isBound, peersFault));
        Assert.True(gpu.IsEmpty);
        machine.Check();
        Assert.Equal((1, 2), (peer.Load(memory.Start), peer.Load(memory.Start + 8)));
        Assert.Equal(AddressProtocol.System, peer.Lookup(memory.Start).Protocol);
    });

    /// <summary>R-26: half the interval is here in several blocks, half in RAM, and all of it or nothing is wanted.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void HalfHereAndHalfInRamIsAnsweredHonestly(bool allOrNothing, bool mayMoveWithin) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int page = 0; page < 512; page++)
            machine.Put(RaceMachine.PageOf(memory, page), page + 1);
        HostWorkspace workspace = machine.Host.RentWorkspace();
        for (int piece = 0; piece < 512; piece += 128)
            Assert.Equal(SvmStatus.Done, gpu.Pagemap.Populate(AddressRange.OfPages(RaceMachine.PageOf(memory, piece), 64), default, MigrationCause.Prefetch, workspace, out _));
        PageEntry before = machine.EntryOf(memory.Start);
        var details = new MigrationDetails(AllOrNothing: allOrNothing, CanMigrateSamePagemap: mayMoveWithin);
        SvmStatus status = gpu.Pagemap.Populate(memory, details, MigrationCause.Prefetch, workspace, out MigrationResult result);
        machine.Host.ReturnWorkspace(workspace);
        bool isRefused = allOrNothing && !mayMoveWithin;
        Assert.Equal(isRefused ? SvmStatus.Busy : SvmStatus.Done, status);
        Assert.Equal(isRefused ? new MigrationResult(512, 256, 0, 256, 0) : new MigrationResult(512, 256, 256, 0, 0), result);
        Assert.Equal(isRefused ? 4 : mayMoveWithin ? 1 : 8, gpu.Pagemap.AllocationCount);
        Assert.Equal(!mayMoveWithin, machine.EntryOf(memory.Start) == before);
        Assert.Equal(!isRefused, gpu.Holds(RaceMachine.PageOf(memory, 100)));
        machine.Check();
        machine.AssertFilled(memory, 0, 512);
    });

    /// <summary>R-27: an invalidation that must not wait comes while the notifier lock is held.</summary>
    [Fact]
    public void AnInvalidationThatMustNotWaitIsRefusedAndChangesNothing() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        machine.Put(memory.Start + PageSize.HugeBytes, 2);
        SvmStatus reaped = SvmStatus.Done;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.PagesPublishing, () => RaceMachine.OnAnotherThread(() => reaped = machine.Host.TryReap()), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start + PageSize.HugeBytes)); // It holds the lock meanwhile.
        }

        Assert.Equal((SvmStatus.Busy, false), (reaped, machine.Host.IsReaped));
        Assert.Equal(0, gpu.Vm.Counters.Retries); // The fault was not disturbed.
        Assert.True(gpu.Lookup(memory.Start).IsPresent && gpu.Lookup(memory.Start + PageSize.HugeBytes).IsPresent);
        machine.Check();
        Assert.Equal((1, 2), (gpu.Load(memory.Start), gpu.Load(memory.Start + PageSize.HugeBytes)));
        Assert.Equal((1, 2), (machine.Load(memory.Start), machine.Load(memory.Start + PageSize.HugeBytes)));
    });

    /// <summary>R-28: an event comes after every look. The fault gives up in bounded time, the program gets at its memory all the while, and afterwards the fault is served.</summary>
    [Fact]
    public void AStormOfInvalidationsBoundsTheFaultAndDoesNotStarveTheProgram()
    {
        var time = new ManualTime();
        Run(
            (machine, gpu) =>
            {
                AddressRange memory = machine.Allocate(65536);
                AddressRange part = AddressRange.OfPages(memory.Start, 1);
                machine.Store(memory.Start + PageSize.Bytes, 5);
                int faulting = Environment.CurrentManagedThreadId;
                int events = 0;
                int touches = 0;
                SchedulePoint.Install((kind, _) =>
                {
                    if (kind != SchedulePointKind.HmmFaulted || Environment.CurrentManagedThreadId != faulting)
                        return;
                    RaceMachine.OnAnotherThread(() =>
                    {
                        machine.Store(memory.Start, ++events);
                        touches += machine.Load(memory.Start) == events ? 1 : 0;
                        machine.DontNeed(part);
                    });
                    time.Advance(TimeSpan.FromMilliseconds(SvmPages.BudgetMilliseconds / 2));
                });
                SvmStatus status = gpu.Fault(memory.Start);
                SchedulePoint.Install(null);
                Assert.Equal(SvmStatus.Busy, status);
                Assert.Equal(events, touches);
                Assert.InRange(events, 2, 4 * Core.Faults.PageFaultHandler.MaxPasses);
                Assert.False(gpu.Lookup(memory.Start).IsPresent);
                machine.Check();
                Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
                Assert.Equal((0, 5), (gpu.Load(memory.Start), gpu.Load(memory.Start + PageSize.Bytes)));
            },
            InRam,
            time: time);
    }

    /// <summary>R-29: a user pointer over the same memory is validated while a fault is between its look and the notifier lock; it takes the pages to RAM.</summary>
    [Fact]
    public void AUserPointerValidatedDuringAFaultOnTheSameMemorySendsTheFaultBack() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, gpu.Vm.BindUserptr(memory, _window, isReadOnly: false, out GpuUserptr? userptr));
        SvmStatus validated = SvmStatus.Busy;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.HmmFaulted, () => RaceMachine.OnAnotherThread(() => validated = userptr!.Validate(0)), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        Assert.Equal(SvmStatus.Done, validated);
        Assert.False(gpu.Holds(memory.Start)); // A user pointer never sees device pages.
        Assert.True(gpu.Lookup(memory.Start).IsPresent && gpu.Lookup(_window).IsPresent);
        machine.Check();
        gpu.Store(_window + 8, 2);
        gpu.Store(memory.Start + 16, 3);
        Assert.Equal((1, 2, 3), (machine.Load(memory.Start), machine.Load(memory.Start + 8), machine.Load(memory.Start + 16)));
    });

    /// <summary>R-29: an event over both takes both away, and holds neither lock while it takes the other.</summary>
    [Fact]
    public void AnEventOverAUserPointerAndARangeTakesBothAway() => Run(
        (machine, gpu) =>
        {
            AddressRange memory = machine.Allocate(PageSize.HugeBytes);
            gpu.Store(memory.Start, 1);
            Assert.Equal(SvmStatus.Done, gpu.Vm.BindUserptr(memory, _window, isReadOnly: false, out _));
            Assert.Equal(1, gpu.Load(_window));
            int held = 0;
            bool isBound = true;
            SchedulePoint.Install((kind, subject) =>
            {
                if (kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.Notifier })
                    held = Math.Max(held, LockOrder.HeldCount);
                if (kind == SchedulePointKind.InvalidationCalled)
                    isBound = gpu.Lookup(memory.Start).IsPresent || gpu.Lookup(_window).IsPresent || gpu.Device.DmaMapper.LivePages != 0;
            });
            machine.DontNeed(memory);
            SchedulePoint.Install(null);
            Assert.Equal((0, false), (held, isBound));
            machine.Check();
            Assert.Equal(0, gpu.Load(_window));
        },
        InRam);

    /// <summary>R-30: one device has the range mapped, another has looked and not published when a part of it is unmapped: both hear of it.</summary>
    [Theory]
    [InlineData(PartialUnmapMode.Split)]
    [InlineData(PartialUnmapMode.Kill)]
    public void AnUnmapReachesTheMappedAndTheUnmappedPagesOfARange(PartialUnmapMode mode) => RunBare(machine =>
    {
        RaceGpu[] gpus = machine.AddShared(2, InRam with { PartialUnmap = mode });
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpus[0].Fill(memory);
        GpuRange range = gpus[0].RangeAt(memory.Start)!;
        machine.Forget(memory);
        bool areMarked = false;
        bool isMapped = true;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.HmmFaulted, () => RaceMachine.OnAnotherThread(() =>
            {
                Assert.True(range.PagesOf(0)!.HasDmaMapping && !range.PagesOf(1)!.HasDmaMapping);
                machine.Unmap(AddressRange.OfPages(memory.Start, 16));
                areMarked = range.PagesOf(0)!.IsUnmapped && range.PagesOf(1)!.IsUnmapped;
                isMapped = gpus[0].Lookup(memory.Start).IsPresent;
            }), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.NotMapped, gpus[1].Fault(memory.Start));
        }

        Assert.Equal((true, false), (areMarked, isMapped));
        machine.Check();
        foreach (RaceGpu gpu in gpus)
        {
            Assert.Equal(SvmStatus.NotMapped, gpu.Fault(memory.Start));
            Assert.Equal(17, gpu.Load(RaceMachine.PageOf(memory, 16)));
        }

        machine.Check();
        machine.AssertFilled(memory, 16, 512);
        machine.Unmap(memory);
    });
}
