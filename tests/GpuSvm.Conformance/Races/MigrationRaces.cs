// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Races;

/// <summary>R-11 to R-18: pages on their way.</summary>
public abstract class MigrationRaces : RaceConformance
{
    /// <summary>R-11: a CPU thread touches a page on its way to the device, before and after the copy.</summary>
    [Theory]
    [InlineData(SchedulePointKind.MigrationCollected)]
    [InlineData(SchedulePointKind.MigrationCopied)]
    public void ACpuTouchOfAPageOnItsWaySleepsAndLosesNothing(SchedulePointKind point) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        machine.Put(memory.Start + 8, 1);
        ProgramThread? cpu = null;
        using (var race = new Interleaving())
        {
            race.At(point, () => cpu = machine.StoreAndSleep(memory.Start, 2), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        cpu!.Join();
        machine.Check();
        Assert.Equal((2, 1), (gpu.Load(memory.Start), gpu.Load(memory.Start + 8)));
    });

    /// <summary>R-12: two CPU threads touch pages whose stay is guaranteed; the clock is the test's own.</summary>
    [Fact]
    public void ACpuTouchWithinTheGuaranteedTimeSleepsUntilItsEnd()
    {
        var time = new ManualTime();
        Run(
            (machine, gpu) =>
            {
                AddressRange memory = machine.Allocate(PageSize.HugeBytes);
                gpu.Store(memory.Start, 1);
                ProgramThread[] threads = [machine.StoreAndSleep(memory.Start + 8, 2), machine.StoreAndSleep(memory.Start + PageSize.Bytes, 3)];
                machine.WaitUntilQuiet();
                long faults = machine.Host.Counters.CpuFaults;
                time.Advance(TimeSpan.FromMilliseconds(9));
                gpu.Store(memory.Start + 16, 4);
                Assert.True(gpu.Holds(memory.Start) && threads[0].IsRunning && threads[1].IsRunning);
                Assert.Equal(faults, machine.Host.Counters.CpuFaults); // They sleep; they do not touch again and again.
                time.Advance(TimeSpan.FromMilliseconds(5));
                foreach (ProgramThread thread in threads)
                    thread.Join();
                machine.WaitUntilQuiet(); // A thread goes on as soon as its page is there, a moment before whoever brought it is done.
                Assert.False(gpu.Holds(memory.Start));
                Assert.Equal((1, 2, 4), (machine.Load(memory.Start), machine.Load(memory.Start + 8), machine.Load(memory.Start + 16)));
                Assert.Equal(3, machine.Load(memory.Start + PageSize.Bytes));
            },
            new GpuVmOptions { Placement = new MigrateAlways(), Timeslice = TimeSpan.FromMilliseconds(10) },
            time: time);
    }

    /// <summary>R-12: an eviction does not care about the guaranteed time, and wakes who sleeps.</summary>
    [Fact]
    public void AnEvictionWithinTheGuaranteedTimeWakesTheThread()
    {
        var time = new ManualTime();
        Run(
            (machine, gpu) =>
            {
                AddressRange memory = machine.Allocate(PageSize.HugeBytes);
                gpu.Store(memory.Start, 1);
                ProgramThread thread = machine.StoreAndSleep(memory.Start + 8, 2);
                Assert.Equal(SvmStatus.Done, gpu.Pagemap.EvictOne());
                thread.Join();
                time.Advance(TimeSpan.FromSeconds(1)); // The wake that is left finds nobody.
                Assert.Equal((1, 2), (machine.Load(memory.Start), machine.Load(memory.Start + 8)));
            },
            new GpuVmOptions { Placement = new MigrateAlways(), Timeslice = TimeSpan.FromMilliseconds(10) },
            time: time);
    }

    /// <summary>R-13: a CPU fault has one page of the block in its hands when an eviction takes the others, or a CPU fault that wants the whole block does.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TwoWhoWantOneBlockMoveEachPageOnce(bool isEviction) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        IReturnPolicy whole = gpu.Pagemap.Return;
        gpu.Pagemap.Return = new ReturnPageByPage();
        long before = gpu.Pagemap.Counters.BytesToRam;
        SvmStatus second = SvmStatus.Busy;
        ProgramThread? other = null;
        using var both = new ManualResetEventSlim();
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.MigrationCollected, () =>
                {
                    gpu.Pagemap.Return = whole;
                    other = new ProgramThread(() =>
                    {
                        if (!isEviction)
                            machine.Store(RaceMachine.PageOf(memory, 5) + 8, 55);
                        second = isEviction ? gpu.Pagemap.EvictOne() : SvmStatus.Done;
                    });
                    Interleaving.Until(() => both.IsSet);
                })
                .At(SchedulePointKind.MigrationCollected, both.Set, nth: 2);
            machine.Store(RaceMachine.PageOf(memory, 3) + 8, 77);
            other!.Join();
        }

        machine.WaitUntilQuiet();
        Assert.Equal((SvmStatus.Done, 0), (second, gpu.Pagemap.AllocationCount));
        Interleaving.Until(() => gpu.IsEmpty);
        Assert.Equal(before + PageSize.HugeBytes, gpu.Pagemap.Counters.BytesToRam);
        machine.AssertFilled(memory, 0, 512);
        Assert.Equal((77, isEviction ? 0 : 55), (machine.Load(RaceMachine.PageOf(memory, 3) + 8), machine.Load(RaceMachine.PageOf(memory, 5) + 8)));
    });

    /// <summary>R-14: the pages that a fault has found on the device are evicted, before it publishes them and before it binds them.</summary>
    [Theory]
    [InlineData(SchedulePointKind.HmmFaulted)]
    [InlineData(SchedulePointKind.PagesMapped)]
    public void AnEvictionOfPagesThatAFaultHasFoundSendsTheFaultBack(SchedulePointKind point) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Put(memory.Start, 1);
        DeviceFrame found = default;
        using (var race = new Interleaving())
        {
            race.At(point, () => RaceMachine.OnAnotherThread(() =>
            {
                found = machine.EntryOf(memory.Start).Frame;
                Assert.Equal(SvmStatus.Done, gpu.Pagemap.EvictOne());
                Assert.True(gpu.IsEmpty);
                Assert.Equal(SvmStatus.Done, gpu.Device.Memory.Allocate(PageOrder.Huge, out DeviceFrame first)); // The frames are another's now.
                DmaBytes.Write(new DmaPointer(gpu.Device.Memory.BasePointer + (nint)found.OffsetBytes), BitConverter.GetBytes(-1L));
                Assert.Equal(first, found);
            }), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, gpu.Fault(memory.Start));
        }

        gpu.Device.Memory.Free(found, PageOrder.Huge);
        machine.Check();
        Assert.Equal(1, gpu.Load(memory.Start));
    });

    /// <summary>R-15: a second CPU thread touches the block that a first one's fault is bringing home.</summary>
    [Fact]
    public void TwoCpuThreadsTouchingOneBlockMakeOneMigration() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        long before = gpu.Pagemap.Counters.BlocksToRam;
        ProgramThread? second = null;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.MigrationCollected, () => second = machine.StoreAndSleep(RaceMachine.PageOf(memory, 2), 3));
            machine.Put(RaceMachine.PageOf(memory, 1), 2);
        }

        second!.Join();
        machine.WaitUntilQuiet();
        Assert.Equal(before + 1, gpu.Pagemap.Counters.BlocksToRam);
        Assert.Equal((1, 2, 3), (machine.Load(memory.Start), machine.Load(RaceMachine.PageOf(memory, 1)), machine.Load(RaceMachine.PageOf(memory, 2))));
    });

    /// <summary>R-16: an eviction has listed a block's frames when a part of the block goes, and the device gives that part to another.</summary>
    [Fact]
    public void AnEvictionThatKnowsABlockBeforeItLostAPartHarmsNobody() => Run(
        (machine, gpu) =>
        {
            AddressRange block = machine.Allocate(PageSize.HugeBytes);
            AddressRange filler = machine.Allocate(PageSize.HugeBytes);
            AddressRange other = machine.Allocate(16L * PageSize.Bytes);
            for (int page = 0; page < 16; page++)
                machine.Store(RaceMachine.PageOf(other, page), page + 1);
            gpu.Fill(block);
            gpu.Fill(filler);
            Assert.Equal(0, gpu.Device.Memory.FreePages);
            machine.Forget(block);
            bool isTaken = false;
            using (var race = new Interleaving())
            {
                race.At(
                    SchedulePointKind.LockTake,
                    () => RaceMachine.OnAnotherThread(() =>
                    {
                        machine.Unmap(AddressRange.OfPages(RaceMachine.PageOf(block, 32), 16));
                        Interleaving.Until(() => gpu.Device.Memory.FreePages == 16); // At once, though the block lives on.
                        Assert.Equal(SvmStatus.Done, gpu.Vm.Prefetch(other, PrefetchTarget.Device, out _));
                        isTaken = gpu.Holds(other.Start) && gpu.Device.Memory.FreePages == 0;
                    }),
                    when: taken => taken is RankedReaderWriterLock { Rank: LockRank.PageState },
                    thread: Interleaving.Here());
                Assert.Equal(SvmStatus.Done, gpu.Pagemap.EvictOne());
            }

            Assert.True(isTaken);
            Assert.False(gpu.Holds(block.Start));
            gpu.Vm.Collect();
            machine.Check();
            machine.AssertFilled(block, 0, 32);
            machine.AssertFilled(block, 48, 512);
            machine.AssertFilled(other, 0, 16);
            Assert.Equal(16, gpu.Load(RaceMachine.PageOf(other, 15)));
            machine.Unmap(block);
        },
        devicePages: 1024);

    /// <summary>R-16: one page of a large block is brought home; the others keep their owner and their bytes, and the block is released once.</summary>
    [Fact]
    public void OnePageThatComesHomeLeavesTheBlockToTheOthers() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        gpu.Pagemap.Return = new ReturnPageByPage();
        Assert.Equal(8, machine.Load(RaceMachine.PageOf(memory, 7)));
        machine.Check();
        Assert.True(gpu.Holds(memory.Start) && !gpu.Holds(RaceMachine.PageOf(memory, 7)));
        Assert.Equal(gpu.Device.Memory.Pages - 511, gpu.Device.Memory.FreePages);
        for (int page = 0; page < 512; page++)
            Assert.Equal(page + 1, gpu.Load(RaceMachine.PageOf(memory, page)));
        machine.Check();
    });

    /// <summary>R-17: no staging block is large enough, neither for the whole nor for the rest.</summary>
    [Fact]
    public void AShortageOfStagingBringsTheBlockHomeInPieces() => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        gpu.Fill(memory);
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.MigrationCopied, () => Injection.Arm(InjectionPoint.HostStaging, 1)); // The touched page has come by then; the rest is next.
            Injection.Arm(InjectionPoint.HostStaging, 1);
            Assert.Equal(8, machine.Load(RaceMachine.PageOf(memory, 7)));
            machine.WaitUntilQuiet(); // The thread goes on when its page is there; the rest comes after that.
        }

        Assert.Equal((0L, 3L), (machine.Host.AwayPages, gpu.Pagemap.Counters.BlocksToRam)); // The page, and the rest in two halves.
        machine.AssertFilled(memory, 0, 512);
    });

    /// <summary>R-18: the fifth of eight copies fails, while a CPU thread waits for a page of the first.</summary>
    [Fact]
    public void ACopyThatFailsMidwayGivesEverythingBackAndWakesWhoWaits() => Run((machine, gpu) =>
    {
        AddressRange memory = AddressRange.OfPages(machine.Allocate(PageSize.HugeBytes).Start, 16);
        for (int page = 0; page < 16; page++)
            machine.Put(RaceMachine.PageOf(memory, page), page + 1);
        HostWorkspace workspace = machine.Host.RentWorkspace();
        for (int page = 1; page < 16; page += 2) // Those already there part the others into eight runs.
            Assert.Equal(SvmStatus.Done, gpu.Pagemap.Populate(AddressRange.OfPages(RaceMachine.PageOf(memory, page), 1), default, MigrationCause.Prefetch, workspace, out _));
        ProgramThread? cpu = null;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.MigrationCollected, () => cpu = machine.StoreAndSleep(memory.Start + 8, 77), thread: Interleaving.Here());
            Injection.Reset();
            Injection.Arm(InjectionPoint.CopyToDevice, 5);
            Assert.Equal(SvmStatus.CopyFailed, gpu.Pagemap.Populate(memory, default, MigrationCause.Prefetch, workspace, out MigrationResult result));
            Assert.Equal(new MigrationResult(16, 8, 0, 0, 8), result);
            Assert.Equal(5, Injection.Hits(InjectionPoint.CopyToDevice));
        }

        cpu!.Join();
        machine.Host.ReturnWorkspace(workspace);
        Assert.Equal(gpu.Device.Memory.Pages - 8, gpu.Device.Memory.FreePages);
        for (int page = 0; page < 16; page++)
            Assert.Equal(page % 2 == 1, gpu.Holds(RaceMachine.PageOf(memory, page)));
        machine.Check();
        machine.AssertFilled(memory, 0, 16);
        Assert.Equal(77, machine.Load(memory.Start + 8));
    });
}
