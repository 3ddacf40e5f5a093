// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Events: two passes, refusal, late subscriptions, protection, the reaper.</summary>
public sealed class HostEventTests
{
    private static readonly AddressRange _interval = AddressRange.OfPages(new VirtualAddress(0x10000), 16);

    [Fact]
    public void EveryClientIsStartedBeforeTheFirstIsFinished()
    {
        var registry = new MmuNotifierRegistry();
        var log = new List<string>();
        var first = new LoggingClient("a", log);
        var second = new LoggingClient("b", log);
        registry.Insert(new MmuIntervalNotifier(_interval, first));
        registry.Insert(new MmuIntervalNotifier(AddressRange.OfPages(_interval.Start + PageSize.Bytes, 4), second));
        using (new AtPoint(SchedulePointKind.InvalidationStarted, () => log.Add("|")))
            Assert.True(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Migrate, Owner: 3)));
        registry.InvalidateEnd();
        Assert.Equal(["start a", "start b", "|", "finish a", "finish b"], log);
        Assert.Equal(3, second.LastOwner);
    }

    /// <summary>R-27.</summary>
    [Fact]
    public void ARefusalFinishesThoseThatWereStartedAndEndsTheEvent()
    {
        var registry = new MmuNotifierRegistry();
        var log = new List<string>();
        var early = new MmuIntervalNotifier(_interval, new LoggingClient("a", log));
        var refusing = new MmuIntervalNotifier(AddressRange.OfPages(_interval.Start + PageSize.Bytes, 1), new LoggingClient("b", log) { Refuses = true });
        registry.Insert(early);
        registry.Insert(refusing);
        long before = registry.ReadBegin(refusing);
        Assert.False(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear, MayBlock: false)));
        Assert.Equal(["start a", "refuse b", "finish a"], log);
        Assert.Equal(before, registry.ReadBegin(refusing)); // Does not wait: no event is under way.
        Assert.Throws<InvalidOperationException>(() => registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear)));
    }

    /// <summary>R-20: between the passes and after them.</summary>
    [Theory]
    [InlineData(SchedulePointKind.InvalidationStarted)]
    [InlineData(SchedulePointKind.InvalidationCalled)]
    public void ARemovalDuringAnEventWaitsForItsEnd(SchedulePointKind point)
    {
        var registry = new MmuNotifierRegistry();
        var log = new List<string>();
        var notifier = new MmuIntervalNotifier(_interval, new LoggingClient("a", log));
        registry.Insert(notifier);
        using var waits = new ManualResetEventSlim();
        Thread? remover = null;
        SchedulePoint.Install((kind, _) =>
        {
            if (kind == SchedulePointKind.Wait)
                waits.Set();
            if (kind != point || remover is not null)
                return;
            remover = new Thread(() =>
            {
                registry.Remove(notifier);
                lock (log)
                    log.Add("removed");
            });
            remover.Start();
            Assert.True(waits.Wait(10_000));
        });
        Assert.True(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear)));
        lock (log)
            log.Add("changed");
        registry.InvalidateEnd();
        remover!.Join();
        SchedulePoint.Install(null);
        Assert.Equal(["start a", "finish a", "changed", "removed"], log);
        Assert.True(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear)));
        registry.InvalidateEnd();
        Assert.Equal(4, log.Count);
        Assert.Equal(0, registry.Count);
    }

    /// <summary>R-21: between the passes.</summary>
    [Fact]
    public void ASubscriptionBetweenThePassesHearsOfTheNextEvent()
    {
        var registry = new MmuNotifierRegistry();
        var log = new List<string>();
        registry.Insert(new MmuIntervalNotifier(_interval, new LoggingClient("a", log)));
        var late = new MmuIntervalNotifier(_interval, new LoggingClient("b", log));
        using (new AtPoint(SchedulePointKind.InvalidationStarted, () => registry.Insert(late)))
            Assert.True(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear)));
        bool read = false;
        var reader = new Thread(() =>
        {
            registry.ReadBegin(late);
            Volatile.Write(ref read, true);
        });
        reader.Start();
        Assert.False(reader.Join(30)); // The event that has begun may concern it: it waits for its end.
        Assert.False(Volatile.Read(ref read));
        registry.InvalidateEnd();
        reader.Join();
        Assert.Equal(["start a", "finish a"], log);
        Assert.True(registry.InvalidateStart(new MmuEvent(_interval, MmuEventKind.Clear)));
        registry.InvalidateEnd();
        Assert.Equal(6, log.Count);
    }

    [Fact]
    public void AReapThatANotifierRefusesChangesNothing()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(32);
        machine.Fill(memory);
        Assert.Equal(16, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 16)));
        var notifier = new MmuIntervalNotifier(memory, new LoggingClient("a", []) { Refuses = true });
        machine.Host.Subscribe(notifier);
        Assert.Equal(SvmStatus.Busy, machine.Host.TryReap());
        Assert.False(machine.Host.IsReaped);
        Assert.Equal(1024 - 16, machine.Device.FreeFrames);
        machine.Host.Unsubscribe(notifier);
        machine.AssertFilled(memory);
        machine.Finish();
    }

    [Fact]
    public void AReapedAddressSpaceHoldsNothingAndServesNothing()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(48);
        machine.Fill(memory);
        Assert.Equal(16, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 16)));
        Assert.Equal(SvmStatus.Done, machine.Want(AddressRange.OfPages(memory.Start + (16 * PageSize.Bytes), 16), HmmRequest.Exclusive, 7).Status);
        machine.Device.WhileMoving = () => Assert.Equal(SvmStatus.Done, machine.Host.TryReap()); // And that while pages are on their way.
        AddressRange rest = AddressRange.OfPages(memory.Start + (32 * PageSize.Bytes), 16);
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(rest, new MigrationSelection(System: true), out int arrived));
        Assert.Equal((0, 0L, 0L, 1024, 0), (arrived, machine.Host.AwayPages, machine.Host.ExclusivePages, machine.Device.FreeFrames, machine.Simulated().FramesInUse));
        Assert.Equal(SvmStatus.ProcessGone, machine.Want(memory, HmmRequest.Read, 1).Status);
        Assert.Equal(SvmStatus.ProcessGone, machine.Simulated().CpuRead(memory.Start, new byte[8]));
        Assert.Equal(SvmStatus.ProcessGone, machine.Device.MoveIn(memory, new MigrationSelection(System: true), out _));
        Assert.Equal(SvmStatus.Done, machine.Host.TryReap());
        Assert.Equal(0, machine.Host.Users);
    }

    /// <summary>R-8, where the change is announced.</summary>
    [Fact]
    public void AProtectionThatIsAnnouncedTakesTheDevicesRightToWrite()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(65536);
        machine.GpuStore(memory.Start, 7);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadOnly));
        machine.Host.EnterEventGate();
        machine.Host.ProtectionChanged(memory);
        machine.Host.LeaveEventGate();
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.True(machine.IsOnDevice(memory.Start)); // The page itself stays.
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsWritable);
        Assert.Equal(SvmStatus.ReadOnly, machine.Fault(memory.Start, MemoryAccess.Write));
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadWrite));
    }

    private sealed class LoggingClient(string name, List<string> log) : IMmuIntervalClient
    {
        public bool Refuses { get; init; }

        public int LastOwner { get; private set; }

        public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
        {
            lock (log)
                log.Add((Refuses ? "refuse " : "start ") + name);
            if (Refuses)
                return false;
            LastOwner = mmuEvent.Owner;
            notifier.SetSequence(sequence);
            return true;
        }

        public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
        {
            lock (log)
                log.Add("finish " + name);
        }
    }
}
