// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Memory that is mostly read: who reads has a copy, who writes takes all of them away.</summary>
public sealed class ReadDuplicationTests
{
    [Fact]
    public void AReadGivesTheDeviceACopyAndTheCpuGoesOnReadingItsOwn()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        DeviceAddress entry = machine.Vm.PageTable.Lookup(memory.Start);
        Assert.Equal((AddressProtocol.LocalMemory, false), (entry.Protocol, entry.IsWritable));
        Assert.False(machine.IsOnDevice(memory.Start));
        long faults = machine.Host.Counters.CpuFaults;
        Assert.Equal(7, machine.CpuLoad(memory.Start));
        Assert.Equal(faults, machine.Host.Counters.CpuFaults);
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(PageSize.HugeBytes, machine.Vm.Pagemap.Counters.BytesDuplicated);
        Assert.Equal(0, machine.Vm.Pagemap.Counters.BytesToDevice);
    }

    [Fact]
    public void ACpuWriteTakesTheCopyAwayBeforeItIsLetThrough()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        machine.CpuStore(memory.Start, 2);
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(2, machine.GpuLoad(memory.Start));
        machine.CpuStore(memory.Start + (100 * PageSize.Bytes), 3);
        Assert.Equal(3, machine.GpuLoad(memory.Start + (100 * PageSize.Bytes)));
    }

    [Fact]
    public void ADeviceWriteMovesThePagesLikeThoseOfAnyOtherMemory()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        machine.GpuStore(memory.Start, 5);
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(5, machine.GpuLoad(memory.Start)); // Its own alone: no copy of it is needed.
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(5, machine.CpuLoad(memory.Start)); // Home it comes;
        Assert.Equal(5, machine.GpuLoad(memory.Start)); // and now both have it.
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal(AddressProtocol.LocalMemory, machine.Vm.PageTable.Lookup(memory.Start).Protocol);
    }

    [Fact]
    public void SeveralDevicesHaveCopiesAtTheSameTimeAndAWriteOfOneTakesAllAway()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, peer.Vm.Advise(memory, advice => advice with { IsReadMostly = true }));
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(7, peer.Load(memory.Start));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent); // The second copy has not cost the first.
        Assert.Equal((AddressProtocol.LocalMemory, AddressProtocol.LocalMemory), (machine.Vm.PageTable.Lookup(memory.Start).Protocol, peer.Lookup(memory.Start).Protocol));
        peer.Store(memory.Start, 8);
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(8, machine.GpuLoad(memory.Start));
        Assert.Equal(8, peer.Load(memory.Start));
        Assert.Equal(8, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void TheDevicesOfOneVmHaveTheirOwnCopiesAndAQueryTellsOfThem()
    {
        var memory = new SimulatedHostMemory();
        using var host = new HostAddressSpace(memory);
        using var first = new SoftwareGpu.SoftwareGpuDevice(new SoftwareGpu.SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpu.SoftwareGpuDevice(new SoftwareGpu.SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var vm = new GpuVm(host, [first, second], new GpuVmOptions());
        Assert.Equal(SvmStatus.Done, host.Allocate(2L * PageSize.HugeBytes, out AddressRange interval));
        AddressRange half = AddressRange.OfBytes(interval.Start, PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, vm.Advise(interval, advice => advice with { IsReadMostly = true }));
        for (int device = 0; device < 2; device++)
            Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Read, vm.Devices[device].AddressSpaceId, 0, 0), device));
        Assert.Empty(InvariantChecker.Check(vm));
        var runs = new List<MemoryRun>();
        Assert.Equal(SvmStatus.Done, vm.Query(interval, runs));
        Assert.Equal(
            [(half, PagePlace.Ram, 3UL), (new AddressRange(half.End, interval.End), PagePlace.Nowhere, 0UL)],
            runs.Select(run => (run.Interval, run.Place, run.CopiedTo)));
        Assert.Equal(SvmStatus.Done, vm.Advise(interval, _ => default)); // Without the advice there are none.
        Assert.Equal((2048, 2048), (first.Memory.FreePages, second.Memory.FreePages));
    }

    [Fact]
    public void APrefetchBringsCopiesAndCountsThem()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, 2L * PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(memory.Bytes, 0, memory.Bytes, 0), result);
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        long faults = machine.Vm.Counters.Faults;
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(faults, machine.Vm.Counters.Faults);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out result));
        Assert.Equal(new PrefetchResult(memory.Bytes, memory.Bytes, 0, 0), result);
    }

    [Fact]
    public void CopiesMakeRoomForPagesAndPagesForCopies()
    {
        using var machine = new Machine(devicePages: 1024);
        AddressRange copied = ReadMostly(machine, 2L * PageSize.HugeBytes);
        AddressRange moved = machine.Allocate(2L * PageSize.HugeBytes);
        for (int i = 0; i < 2; i++)
        {
            machine.CpuStore(copied.Start + (i * (long)PageSize.HugeBytes), i + 1);
            Assert.Equal(i + 1, machine.GpuLoad(copied.Start + (i * (long)PageSize.HugeBytes)));
        }

        for (int i = 0; i < 2; i++)
            machine.GpuStore(moved.Start + (i * (long)PageSize.HugeBytes), i + 11);
        Assert.False(machine.Vm.PageTable.Lookup(copied.Start).IsPresent);
        Assert.Equal(0, machine.Vm.Pagemap.Counters.BytesToRam); // Copies are dropped, not copied back.
        Assert.Equal(2, machine.Vm.Pagemap.Counters.Evictions);
        Assert.Equal([1L, 2L], Enumerable.Range(0, 2).Select(i => machine.GpuLoad(copied.Start + (i * (long)PageSize.HugeBytes))));
        Assert.Equal([11L, 12L], Enumerable.Range(0, 2).Select(i => machine.CpuLoad(moved.Start + (i * (long)PageSize.HugeBytes))));
    }

    [Theory]
    [InlineData(InjectionPoint.DeviceAllocate)]
    [InlineData(InjectionPoint.BlockAllocate)]
    [InlineData(InjectionPoint.CopyToDevice)]
    [InlineData(InjectionPoint.FenceWait)]
    [InlineData(InjectionPoint.HostStaging)]
    [InlineData(InjectionPoint.HostProtect)]
    [InlineData(InjectionPoint.HostRead)]
    [InlineData(InjectionPoint.HostQuery)]
    [InlineData(InjectionPoint.DeviceMap)]
    [InlineData(InjectionPoint.PagesAllocate)]
    [InlineData(InjectionPoint.PageTablePrepare)]
    public void WithoutACopyTheDeviceReadsInRamOrSaysWhyNot(InjectionPoint point)
    {
        for (int hit = 1; hit <= 4; hit++)
        {
            using var machine = new Machine();
            AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
            machine.CpuStore(memory.Start, 7);
            Injection.Arm(point, hit);
            SvmStatus status = machine.Fault(memory.Start, MemoryAccess.Read);
            Injection.Reset();
            machine.Check();
            Assert.True(status is SvmStatus.Done or SvmStatus.OutOfHostMemory or SvmStatus.CopyFailed, $"{point}, hit {hit}: {status}");
            Assert.Equal(7, machine.GpuLoad(memory.Start));
            machine.CpuStore(memory.Start, 8);
            Assert.Equal(8, machine.GpuLoad(memory.Start));
        }
    }

    [Fact]
    public void APartThatIsUnmappedTakesItsCopiesAlongAndTheRestKeepsTheirs()
    {
        using var machine = new Machine();
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange memory = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsReadMostly = true }));
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        AddressRange gone = AddressRange.OfPages(memory.Start + (256 * PageSize.Bytes), 256);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(gone));
        machine.Vm.Collect();
        machine.Check();
        Assert.Equal(machine.Device.Memory.Pages - 256, machine.Device.Memory.FreePages);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        machine.CpuStore(memory.Start, 8);
        Assert.Equal(8, machine.GpuLoad(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        machine.Vm.Collect();
    }

    [Fact]
    public void DiscardedMemoryReadsAsZeroesEverywhere()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(memory));
        Assert.Equal((0L, 0L), (machine.GpuLoad(memory.Start), machine.CpuLoad(memory.Start)));
    }

    [Fact]
    public void MemoryThatMayNotMoveHasNoCopies()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { NeverMigrate = true }));
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(AddressProtocol.System, machine.Vm.PageTable.Lookup(memory.Start).Protocol);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { NeverMigrate = false, Preferred = PreferredLocation.System }));
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(AddressProtocol.LocalMemory, machine.Vm.PageTable.Lookup(memory.Start).Protocol); // The page is where it would rather be, and the copy is a copy.
    }

    [Fact]
    public void WhereWritesAreNotAnnouncedThereAreNoCopies()
    {
        using var machine = new Machine(host: new SimulatedHostOptions { Capabilities = SimulatedHostOptions.AllCapabilities & ~HostMemoryCapabilities.WriteProtect });
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.True(machine.IsOnDevice(memory.Start));
    }

    [Fact]
    public void WhoKeepsWritingWhatADeviceReadsHasTheDeviceReadInRam()
    {
        using var machine = new Machine(vm: new GpuVmOptions());
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        for (int i = 1; i <= 50; i++)
        {
            machine.CpuStore(memory.Start, i);
            Assert.Equal(i, machine.GpuLoad(memory.Start));
        }

        Assert.True(machine.Vm.Pagemap.Counters.BytesDuplicated < 25L * PageSize.HugeBytes);
        Assert.True(machine.Vm.Counters.RemoteMaps > 0);
    }

    [Fact]
    public void AUserPointerThatWritesTakesTheCopiesAway()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        var at = new VirtualAddress(1UL << 47);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, at, isReadOnly: false, out GpuUserptr? userptr));
        machine.GpuStore(at, 9);
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(9, machine.GpuLoad(memory.Start)); // Which takes the user pointer's right to write.
        machine.GpuStore(at, 10);
        Assert.Equal(10, machine.GpuLoad(memory.Start));
        Assert.Equal(10, machine.CpuLoad(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Vm.UnbindUserptr(userptr!));
    }

    [Fact]
    public void EventsTellOfCopiesAndTheirEnd()
    {
        using var machine = new Machine();
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        SvmEventStream stream = machine.Host.Events.Open(1024);
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        machine.CpuStore(memory.Start, 8);
        machine.Host.Events.Close(stream);
        var events = new SvmEvent[1024];
        List<SvmEvent> told = [.. events[..stream.Read(events)].Where(one => one.Kind is SvmEventKind.ReadDuplicate or SvmEventKind.ReadDuplicateInvalidate)];
        Assert.Equal(
            [(SvmEventKind.ReadDuplicate, memory.Start, (long)PageSize.HugeBytes, MigrationCause.GpuFault), (SvmEventKind.ReadDuplicateInvalidate, memory.Start, PageSize.HugeBytes, MigrationCause.CpuFault)],
            told.Select(one => (one.Kind, one.Address, one.Bytes, one.Cause)));
    }

    /// <summary>A CPU write between the copy and its publication waits for both, and then takes the copy away.</summary>
    [Fact]
    public void AWriteWhileTheCopyIsMadeIsNotLost()
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        Thread? writer = null;
        SchedulePoint.Install((kind, _) =>
        {
            if (kind != SchedulePointKind.MigrationCollected || writer is not null)
                return;
            writer = new Thread(() => machine.Memory.CpuWrite(memory.Start, BitConverter.GetBytes(2L)));
            writer.Start();
        });
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Read));
        SchedulePoint.Install(null);
        writer!.Join();
        Assert.Equal(2, machine.GpuLoad(memory.Start));
        machine.Check();
    }

    /// <summary>The program gives the memory up while the copy is made: before it is to be published, and at the last moment, after the last look at the pages.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MemoryGivenUpWhileItIsCopiedIsNotSeenAgain(bool atTheLastMoment)
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        int faulting = Environment.CurrentManagedThreadId;
        bool isCopied = false;
        bool isSequenceRead = false;
        bool isLooking = false;
        Thread? program = null;
        SchedulePoint.Install((kind, subject) =>
        {
            if (Environment.CurrentManagedThreadId != faulting || program is not null)
                return;
            isCopied |= kind == SchedulePointKind.MigrationCollected;
            isSequenceRead |= isCopied && kind == SchedulePointKind.SequenceRead;
            isLooking |= isSequenceRead && kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.PageState };
            if (!(atTheLastMoment ? isLooking && kind == SchedulePointKind.LockReleased : isCopied))
                return;
            program = new Thread(() => machine.Memory.DontNeed(memory));
            program.Start();
            Assert.True(program.Join(10_000));
        });
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Read));
        SchedulePoint.Install(null);
        Assert.NotNull(program);
        Assert.Equal((0L, 0L), (machine.GpuLoad(memory.Start), machine.CpuLoad(memory.Start)));
        machine.Check();
    }

    /// <summary>Two devices and CPU threads read and write the same memory at random; each value a reader sees is one that was written, and never an older one than it saw before.</summary>
    [Fact]
    public void NobodyReadsAnOlderValueThanBefore()
    {
        using var machine = new Machine(checksSteps: false, vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate() });
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = ReadMostly(machine, PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, peer.Vm.Advise(memory, advice => advice with { IsReadMostly = true }));
        var random = new Random(7);
        long value = 0;
        machine.CpuStore(memory.Start, 0);
        for (int step = 0; step < 400; step++)
        {
            VirtualAddress at = memory.Start;
            long seen = random.Next(6) switch
            {
                0 => Store(() => machine.CpuStore(at, ++value)),
                1 => Store(() => machine.GpuStore(at, ++value)),
                2 => Store(() => peer.Store(at, ++value)),
                3 => machine.CpuLoad(at),
                4 => machine.GpuLoad(at),
                _ => peer.Load(at),
            };
            Assert.Equal(value, seen);
            if (step % 50 == 0)
                machine.Check();
        }

        long Store(Action store)
        {
            store();
            return value;
        }
    }

    /// <summary>Memory that is advised to be mostly read.</summary>
    internal static AddressRange ReadMostly(Machine machine, long bytes)
    {
        AddressRange memory = machine.Allocate(bytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsReadMostly = true }));
        return memory;
    }
}
