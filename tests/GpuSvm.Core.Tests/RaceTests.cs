// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>The races R-n of docs/races.md, each forced into its interleaving.</summary>
public class RaceTests
{
    private protected virtual long IommuBytes => 0;

    public sealed class BehindIommu : RaceTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    /// <summary>R-1.</summary>
    [Fact]
    public void AnEventBetweenTheHostFaultAndTheNotifierLockMakesGetStartOver()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        using (new AtPoint(SchedulePointKind.HmmFaulted, () => OnAnotherThread(() => machine.CpuStore(memory.Start, 2))))
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        machine.Check();
        Assert.Equal(2, machine.GpuLoad(memory.Start));
        Assert.Equal(0, machine.Vm.Counters.Retries); // Get itself started over, the handler did not have to.
    }

    /// <summary>R-2: the event begins before the pages are published, and reaches the notifier lock after.</summary>
    [Fact]
    public void AnEventThatWaitsForThePublicationUndoesItAndTheCommitFails()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        using var published = new ManualResetEventSlim();
        using var called = new ManualResetEventSlim();
        Thread? cpu = null;
        int faulting = Environment.CurrentManagedThreadId;
        bool started = false;
        SchedulePoint.Install((kind, subject) =>
        {
            bool isFaulting = Environment.CurrentManagedThreadId == faulting;
            if (kind == SchedulePointKind.HmmFaulted && isFaulting && !started)
            {
                started = true;
                cpu = new Thread(() => machine.CpuStore(memory.Start, 2));
                cpu.Start();
            }
            else if (kind == SchedulePointKind.LockTake && !isFaulting && subject is RankedReaderWriterLock { Rank: LockRank.Notifier })
            {
                published.Wait();
            }
            else if (kind == SchedulePointKind.InvalidationCalled && !isFaulting)
            {
                called.Set();
            }
            else if (kind == SchedulePointKind.PagesMapped && isFaulting && !published.IsSet)
            {
                published.Set();
                called.Wait();
            }
        });
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        SchedulePoint.Install(null);
        cpu!.Join();
        Assert.True(machine.Vm.Counters.Retries > 0);
        machine.Check();
        Assert.Equal(2, machine.GpuLoad(memory.Start));
    }

    /// <summary>R-3.</summary>
    [Fact]
    public void AnEventBetweenGetAndCommitMakesTheHandlerRetry()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        using (new AtPoint(SchedulePointKind.PagesMapped, () => OnAnotherThread(() => machine.CpuStore(memory.Start, 2))))
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        Assert.True(machine.Vm.Counters.Retries > 0);
        machine.Check();
        Assert.Equal(2, machine.GpuLoad(memory.Start));
    }

    /// <summary>R-4.</summary>
    [Fact]
    public void AnEventOnAnotherRangeOfTheSameWindowDoesNotUndoAMapping()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        VirtualAddress other = memory.Start + PageSize.HugeBytes;
        machine.GpuStore(other, 1);
        using (new AtPoint(SchedulePointKind.PagesMapped, () => OnAnotherThread(() => machine.CpuStore(other, 2))))
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        Assert.Equal(0, machine.Vm.Counters.Retries);
        machine.Check();
    }

    /// <summary>R-5: the whole mapping goes at each point of the fault.</summary>
    [Theory]
    [InlineData(SchedulePointKind.HmmFault)]
    [InlineData(SchedulePointKind.HmmFaulted)]
    [InlineData(SchedulePointKind.PagesMapped)]
    public void MunmapDuringGetNeverEndsInSuccess(SchedulePointKind point)
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        VirtualAddress at = memory.End + (64L * PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(at.AlignDown(PageOrder.Huge), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        machine.CpuStore(mapped.Start, 1);
        using (new AtPoint(point, () => OnAnotherThread(() => Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped)))))
            Assert.Equal(SvmStatus.NotMapped, machine.Fault(mapped.Start));
        machine.Vm.Collect();
        Assert.Equal(0, machine.Vm.Mirror.RangeCount);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
    }

    /// <summary>R-7.</summary>
    [Fact]
    public void MemoryMappedAnewBeforeTheCollectorRanIsFreshMemory()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange mapped = MapHuge(machine);
        machine.GpuStore(mapped.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        Assert.Equal(0, machine.GpuLoad(mapped.Start));
        machine.GpuStore(mapped.Start, 2);
        machine.Check();
        Assert.Equal(2, machine.CpuLoad(mapped.Start));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    /// <summary>R-11: a CPU thread touches the page while it travels to the device.</summary>
    [Theory]
    [InlineData(SchedulePointKind.MigrationCollected)]
    [InlineData(SchedulePointKind.MigrationCopied)]
    public void ACpuTouchDuringAMigrationWaitsAndLosesNothing(SchedulePointKind point)
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        machine.CpuStore(memory.Start + 8, 1);
        Thread? cpu = null;
        using (new AtPoint(point, () =>
        {
            cpu = new Thread(() => machine.CpuStore(memory.Start, 2));
            cpu.Start();
            Assert.True(SpinWait.SpinUntil(() => machine.Memory.FaultedThreads > 0 && machine.Host.Counters.CpuFaults > 1, 10_000));
        }))
        {
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        }

        cpu!.Join();
        machine.Check();
        Assert.Equal(2, machine.GpuLoad(memory.Start));
        Assert.Equal(1, machine.GpuLoad(memory.Start + 8));
    }

    /// <summary>R-13: an eviction has the pages in its hands when the CPU touches one.</summary>
    [Fact]
    public void EvictionAndCpuFaultOfOneAllocationMoveEachPageOnce()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        long before = machine.Vm.Pagemap.Counters.BytesToRam;
        Thread? cpu = null;
        using (new AtPoint(SchedulePointKind.MigrationCollected, () =>
        {
            cpu = new Thread(() => machine.CpuStore(memory.Start + 8, 2));
            cpu.Start();
            Assert.True(SpinWait.SpinUntil(() => machine.Memory.FaultedThreads > 0, 10_000));
        }))
        {
            Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictOne());
        }

        cpu!.Join();
        Assert.Equal(before + PageSize.HugeBytes, machine.Vm.Pagemap.Counters.BytesToRam);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(1, machine.CpuLoad(memory.Start));
        Assert.Equal(2, machine.CpuLoad(memory.Start + 8));
    }

    /// <summary>R-14: the pages are evicted between get and commit.</summary>
    [Fact]
    public void EvictionWhileAFaultMapsTheSamePagesSendsTheFaultBackToRam()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        using (new AtPoint(SchedulePointKind.PagesMapped, () => OnAnotherThread(() => Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictOne()))))
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        machine.Check();
        Assert.Equal(1, machine.GpuLoad(memory.Start));
    }

    /// <summary>R-15.</summary>
    [Fact]
    public void TwoCpuThreadsTouchingTheSameDevicePageBothSucceed()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Thread? second = null;
        using (new AtPoint(SchedulePointKind.MigrationCollected, () =>
        {
            second = new Thread(() => machine.CpuStore(memory.Start + 16, 3));
            second.Start();
            Assert.True(SpinWait.SpinUntil(() => machine.Memory.FaultedThreads > 0, 10_000));
        }))
        {
            machine.CpuStore(memory.Start + 8, 2);
        }

        second!.Join();
        Assert.Equal(1, machine.Vm.Pagemap.Counters.BlocksToRam);
        Assert.Equal([1L, 2, 3], new[] { machine.CpuLoad(memory.Start), machine.CpuLoad(memory.Start + 8), machine.CpuLoad(memory.Start + 16) });
    }

    /// <summary>R-16 with small pages: the block cannot be copied as a whole, nor can the touched page's neighbours.</summary>
    [Fact]
    public void ACopyThatFailsBringsJustTheTouchedPageHome()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(memory.Start + ((long)i * PageSize.Bytes), i);
        Injection.Arm(InjectionPoint.CopyToHost, 1);
        using (new AtPoint(SchedulePointKind.MigrationCopied, () => Injection.Arm(InjectionPoint.CopyToHost, 1))) // The touched page is copied by then; its neighbours come next.
            Assert.Equal(7, machine.CpuLoad(memory.Start + (7 * PageSize.Bytes)));
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.False(machine.IsOnDevice(memory.Start + (7 * PageSize.Bytes)));
        Assert.Equal(1, machine.Device.Memory.FreePages - (machine.Device.Memory.Pages - 512)); // Its frame went back at once.
        machine.Check();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.GpuLoad(memory.Start + ((long)i * PageSize.Bytes)));
        machine.Check();
    }

    /// <summary>R-17: no staging block is large enough for all of it.</summary>
    [Fact]
    public void AShortageOfStagingBringsTheBlockHomeInSmallerPieces()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(memory.Start + ((long)i * PageSize.Bytes), i);
        Injection.Arm(InjectionPoint.HostStaging, 1);
        using (new AtPoint(SchedulePointKind.MigrationCopied, () => Injection.Arm(InjectionPoint.HostStaging, 1)))
            Assert.Equal(7, machine.CpuLoad(memory.Start + (7 * PageSize.Bytes)));
        Assert.Equal(0, machine.Host.AwayPages);
        Assert.Equal(3, machine.Vm.Pagemap.Counters.BlocksToRam); // The page, and the rest in two halves.
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.CpuLoad(memory.Start + ((long)i * PageSize.Bytes)));
    }

    /// <summary>R-19.</summary>
    [Fact]
    public void AfterTheProcessSideIsGoneEveryCallAnswersCleanly()
    {
        var memory = new SimulatedHostMemory();
        var host = new HostAddressSpace(memory);
        using var device = new SoftwareGpu.SoftwareGpuDevice(new SoftwareGpu.SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var vm = new GpuVm(host, device, new GpuVmOptions());
        Assert.Equal(SvmStatus.Done, host.Allocate(PageSize.HugeBytes, out AddressRange interval));
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Write, vm.AddressSpaceId, 0, 0)));
        host.Dispose();
        Assert.Equal(device.Memory.Pages, device.Memory.FreePages);
        Assert.Equal(0, device.DmaMapper.LivePages);
        Assert.Equal(SvmStatus.ProcessGone, host.Allocate(1, out _));
        Assert.Equal(SvmStatus.ProcessGone, host.Free(interval));
    }

    /// <summary>R-20 and R-21: subscriptions around a running event.</summary>
    [Fact]
    public void SubscribingDuringAnEventIsPutOffAndUnsubscribingWaitsForItsEnd()
    {
        var registry = new MmuNotifierRegistry();
        var client = new CountingClient();
        var interval = AddressRange.OfPages(new VirtualAddress(0x10000), 16);
        var early = new MmuIntervalNotifier(interval, client);
        var late = new MmuIntervalNotifier(interval, client);
        registry.Insert(early);
        registry.InvalidateStart(new MmuEvent(interval, MmuEventKind.Clear));
        registry.Insert(late);
        Assert.Equal(1, client.Calls);
        using var done = new CountdownEvent(2);
        var reader = new Thread(() => Signal(() => registry.ReadBegin(late), done));
        var remover = new Thread(() => Signal(() => registry.Remove(early), done));
        reader.Start();
        remover.Start();
        Assert.False(done.Wait(50));
        registry.InvalidateEnd();
        reader.Join();
        remover.Join();
        registry.InvalidateStart(new MmuEvent(interval, MmuEventKind.Clear));
        registry.InvalidateEnd();
        Assert.Equal(2, client.Calls); // Only the late one is left to hear of it.
        Assert.Equal(1, late.Sequence & 1);
        registry.Remove(late);
    }

    /// <summary>Addresses given up by one thread and taken by the next before the first has said that it is done.</summary>
    [Fact]
    public void MemoryAllocatedAtAddressesJustFreedCanBeTouchedAtOnce()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        int freeing = Environment.CurrentManagedThreadId;
        SvmStatus touched = SvmStatus.Busy;
        AddressRange again = default;
        Thread? other = null;
        SchedulePoint.Install((kind, subject) =>
        {
            if (other is not null || kind != SchedulePointKind.LockTake || subject is not RankedReaderWriterLock { Rank: LockRank.PageState }
                || Environment.CurrentManagedThreadId != freeing || machine.Memory.TryFindMapping(memory.Start, out HostMapping left) && left.Interval == memory)
                return;
            other = new Thread(() =>
            {
                machine.Host.Allocate(memory.Bytes, out again);
                touched = machine.Memory.CpuWrite(again.Start, [7]);
            });
            other.Start();
            SpinWait.SpinUntil(() => machine.Memory.TryFindMapping(memory.Start, out HostMapping mapping) && mapping.Interval == memory, 10_000);
            other.Join(200); // Without the wait in Allocate it has failed by now.
        });
        machine.Free(memory);
        SchedulePoint.Install(null);
        other!.Join();
        Assert.Equal(memory, again);
        Assert.Equal(SvmStatus.Done, touched);
        Assert.Equal(SvmStatus.Done, machine.Host.Free(again));
    }

    private static void Signal(Action action, CountdownEvent done)
    {
        action();
        done.Signal();
    }

    private static AddressRange MapHuge(Machine machine)
    {
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        return mapped;
    }

    /// <summary>Runs an action on a thread that holds no locks of the caller's, and waits for it.</summary>
    private static void OnAnotherThread(Action action)
    {
        Exception? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                error = e;
            }
        });
        thread.Start();
        Assert.True(thread.Join(20_000), "The other thread is stuck.");
        if (error is not null)
            throw new InvalidOperationException("The other thread failed.", error);
    }

    private sealed class CountingClient : IMmuIntervalClient
    {
        private int _calls;

        public int Calls => _calls;

        public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
        {
            _calls++;
            notifier.SetSequence(sequence);
            return true;
        }

        public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
        {
        }
    }
}
