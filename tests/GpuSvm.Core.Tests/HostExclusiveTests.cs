// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Pages that devices have for themselves, against everybody who wants them back. What holds on every memory is in AddressSpaceConformance.</summary>
public sealed class HostExclusiveTests
{
    private const int Increments = 3000;

    /// <summary>Pages pinned for good cannot be taken from the CPU: the fault tries for a second of the clock, and then maps them as they are.</summary>
    [Fact]
    public void AnAtomicFaultOnPagesPinnedForGoodFallsBackToAPlainMappingAfterASecond()
    {
        var time = new ManualTime();
        using var machine = new Machine(vm: new Vm.GpuVmOptions { Placement = new Policies.SystemPlacement() }, time: time);
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        machine.CpuStore(memory.Start, 5);
        Assert.Equal(SvmStatus.Done, machine.Memory.SetPinned(memory, pinned: true));
        int tries = 0;
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind != SchedulePointKind.HostOperation || !ReferenceEquals(subject, machine.Memory.StepOf(SimulatedOperation.Detach)))
                return;
            tries++;
            time.Advance(TimeSpan.FromMilliseconds(100));
        });
        long before = time.GetTimestamp();
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Atomic));
        SchedulePoint.Install(null);
        Assert.InRange(time.GetElapsedTime(before), TimeSpan.FromMilliseconds(Svm.SvmPages.BudgetMilliseconds), TimeSpan.FromMilliseconds(Svm.SvmPages.BudgetMilliseconds + 200));
        Assert.InRange(tries, 10, 12);
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start) is { IsWritable: true, AllowsAtomics: false });
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.SetPinned(memory, pinned: false));
        Assert.Equal(5, machine.CpuLoad(memory.Start));
    }

    /// <summary>A memory without CPU faults could not give exclusive pages back on a touch; bringing everything home does.</summary>
    [Fact]
    public void BringHomeGivesExclusivePagesBackWhereTouchesAreNotHeardOf()
    {
        using var machine = new Machine(host: new SimulatedHostOptions { Capabilities = HostMemoryCapabilities.None }, vm: new Vm.GpuVmOptions { Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(65536);
        machine.CpuStore(memory.Start, 5);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Atomic));
        Assert.True(machine.Host.ExclusivePages > 0);
        machine.GpuStore(memory.Start + 8, 6);
        Assert.Equal(SvmStatus.Done, machine.Vm.BringHome());
        Assert.Equal(0, machine.Host.ExclusivePages);
        Assert.Equal((5, 6), (machine.CpuLoad(memory.Start), machine.CpuLoad(memory.Start + 8)));
    }

    [Fact]
    public void CpuAtomicsAndDeviceIncrementsAddUpExactly()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Store(memory.Start, 0);
        using var device = new IncrementingDevice(machine, AddressRange.OfPages(memory.Start, 1), owner: 7);
        var program = new Thread(() =>
        {
            for (int i = 0; i < Increments; i++)
                Assert.Equal(SvmStatus.Done, machine.Simulated().CpuAdd(memory.Start, 1, out _));
        });
        program.Start();
        device.Add(Increments);
        program.Join();
        device.Stop();
        Assert.Equal(2 * Increments, machine.Load(memory.Start));
        Assert.True(machine.Host.Counters.PagesMadeExclusive > 0);
        machine.Finish();
    }

    [Fact]
    public void TwoOwnersAndTheCpuAddUpExactly()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Store(memory.Start, 0);
        using var first = new IncrementingDevice(machine, AddressRange.OfPages(memory.Start, 1), owner: 7);
        using var second = new IncrementingDevice(machine, AddressRange.OfPages(memory.Start, 1), owner: 8);
        Thread[] threads =
        [
            new Thread(() => first.Add(Increments / 4)),
            new Thread(() => second.Add(Increments / 4)),
            new Thread(() =>
            {
                for (int i = 0; i < Increments / 4; i++)
                    Assert.Equal(SvmStatus.Done, machine.Simulated().CpuAdd(memory.Start, 1, out _));
            }),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        first.Stop();
        second.Stop();
        Assert.Equal(Increments / 4 * 3, machine.Load(memory.Start));
        machine.Finish();
    }

    [Fact]
    public void TakingPagesTellsTheOwnerAndGivingThemBackTellsEverybody()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(4);
        machine.Fill(memory);
        var events = new List<MmuEvent>();
        var notifier = new MmuIntervalNotifier(memory, new EventList(events));
        machine.Host.Subscribe(notifier);
        Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        _ = machine.Load(memory.Start);
        machine.Host.Unsubscribe(notifier);
        Assert.Equal([(MmuEventKind.Exclusive, 7), (MmuEventKind.Exclusive, 0)], events.Select(heard => (heard.Kind, heard.Owner)));
        Assert.Equal(3, machine.Host.ExclusivePages); // Just the page that was touched came back.
        machine.Finish();
    }

    [Fact]
    public void ProgramsThatGiveExclusivePagesUpGetZeroes()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        Assert.Equal(SvmStatus.Done, machine.Simulated().DontNeed(AddressRange.OfPages(memory.Start, 8)));
        Assert.Equal(8, machine.Host.ExclusivePages);
        for (int page = 0; page < 16; page++)
            Assert.Equal(page < 8 ? 0 : page + 1, machine.Load(AddressSpaceMachine.PageOf(memory, page)));
        machine.Finish();
    }

    /// <summary>One by one, each page would be a hold of its own, and a shortage of staging would put back what was just taken, again and again.</summary>
    [Fact]
    public void AnotherOwnersPagesChangeHandsInOneHold()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine(new SimulatedHostOptions { StagingBlocks = 2 });
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        for (int owner = 8; owner < 12; owner++)
        {
            Assert.Equal(SvmStatus.Done, machine.Want(memory, HmmRequest.Exclusive, owner).Status);
            Assert.Equal((16L, 1), (machine.Host.ExclusivePages, machine.Simulated().StagingBlocksOut));
        }

        machine.AssertFilled(memory);
        machine.Finish();
    }

    [Fact]
    public void PinnedPagesAreNotTaken()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(4);
        machine.Fill(memory);
        Assert.Equal(SvmStatus.Done, machine.Simulated().SetPinned(AddressRange.OfPages(memory.Start, 1), pinned: true));
        HostWorkspace workspace = machine.Host.RentWorkspace();
        var budget = new RetryBudget(machine.Host.Time, milliseconds: 1000, tries: 20);
        Assert.Equal(SvmStatus.Busy, HmmRange.Fault(machine.Host, memory, new HmmQuery(HmmRequest.Exclusive, 7), ref budget, workspace));
        machine.Host.ReturnWorkspace(workspace);
        machine.AssertFilled(memory);
        machine.Finish();
    }

    [Fact]
    public void AReadOnlyMappingGivesNothingForAtomics()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(4);
        machine.Fill(memory);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Protect(memory, HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.ReadOnly, machine.Want(memory, HmmRequest.Exclusive, 7).Status);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Want(memory, HmmRequest.Exclusive, 0).Status);
        machine.Finish();
    }

    [Fact]
    public void AShortageOfStagingGivesTheOldestHoldBack()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine(new SimulatedHostOptions { StagingBlocks = 2 });
        AddressRange memory = machine.Allocate(64);
        machine.Fill(memory);
        for (int i = 0; i < 4; i++)
            Assert.Equal(SvmStatus.Done, machine.Want(AddressRange.OfPages(AddressSpaceMachine.PageOf(memory, i * 16), 16), HmmRequest.Exclusive, 7).Status);
        Assert.Equal((32L, false, true), (machine.Host.ExclusivePages, machine.EntryOf(memory.Start).IsExclusive, machine.EntryOf(memory.End - PageSize.Bytes).IsExclusive));
        Assert.Equal(16, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 16))); // Other migrations get their block in the same way.
        machine.AssertFilled(memory);
        machine.Finish();
    }

    private sealed class EventList(List<MmuEvent> events) : IMmuIntervalClient
    {
        public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
        {
            events.Add(mmuEvent);
            notifier.SetSequence(sequence);
            return true;
        }

        public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
        {
        }
    }
}
