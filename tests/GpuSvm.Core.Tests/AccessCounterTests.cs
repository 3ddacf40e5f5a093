// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Pages that the device often uses in RAM come to it, unless something is against it.</summary>
public sealed unsafe class AccessCounterTests
{
    private const int Threshold = 256;

    private static readonly GpuVmOptions _options = new() { AccessCounters = new ThresholdAccessCounters() };
    private static readonly TimeSpan _rest = TimeSpan.FromMilliseconds(11);

    /// <summary>The main use: what the thrash policy has left in RAM, where it would stay for ever, comes when it is hot. No fault is needed before or after.</summary>
    [Fact]
    public void WhatWasFoughtOverComesBackAtTheThresholdAndNotBefore()
    {
        using var machine = new HotMachine(_options);
        VirtualAddress hot = machine.Allocate(2).Start;
        machine.Fight(hot, 77);
        machine.Time.Advance(_rest);
        machine.Use(hot, Threshold - 2);
        Assert.Equal(0, machine.Hardware.Waiting);
        Assert.Equal((0, 0), (machine.Counters.AccessNotifications, machine.Served().Count));
        Assert.Equal(AddressProtocol.System, machine.ProtocolOf(hot));
        machine.Use(hot, 1);
        SvmEvent served = machine.WaitForServed(1);
        Assert.True(machine.IsOnDevice(hot));
        Assert.Equal(AddressProtocol.LocalMemory, machine.ProtocolOf(hot));
        long faults = machine.Counters.Faults;
        Assert.Equal(77, machine.Use(hot, 1000));
        Assert.Equal((faults, 1), (machine.Counters.Faults, machine.Served().Count)); // Its own memory is not counted.

        Assert.Equal((1, 1, 0, (long)PageSize.HugeBytes), (machine.Counters.AccessNotifications, machine.Counters.AccessNotificationsServed, machine.Counters.AccessNotificationsDropped, machine.Counters.AccessCounterBytes));
        Assert.Equal(
            (hot, (long)PageSize.HugeBytes, (short)0, MigrationCause.AccessCounter, SvmStatus.Done), (served.Address, served.Bytes, served.To, served.Cause, served.Status));
        SvmEvent moved = Assert.Single(machine.Events, one => one is { Kind: SvmEventKind.Migration, Cause: MigrationCause.AccessCounter });
        Assert.Equal((hot, (long)PageSize.HugeBytes, SvmPlace.Ram, (short)0), (moved.Address, moved.Bytes, moved.From, moved.To));
    }

    [Fact]
    public void WithoutAPolicyTheyStayForEver()
    {
        using var machine = new HotMachine(_options with { AccessCounters = null });
        VirtualAddress hot = machine.Allocate(2).Start;
        machine.Fight(hot, 77);
        machine.Time.Advance(TimeSpan.FromHours(1));
        machine.Use(hot, 100_000);
        Assert.Equal(AddressProtocol.System, machine.ProtocolOf(hot));
        Assert.Null(((SoftwareGpuPageTable)machine.Vm.PageTable).AccessCounters);
    }

    /// <summary>A placement that never moves on a touch, and counters that do when it is worth it.</summary>
    [Fact]
    public void WithSystemPlacementOnlyWhatIsHotMoves()
    {
        using var machine = new HotMachine(_options with { Placement = new SystemPlacement() });
        AddressRange memory = machine.Allocate(3);
        VirtualAddress hot = memory.Start;
        machine.Use(hot + PageSize.HugeBytes, Threshold / 2);
        machine.Use(hot, Threshold);
        machine.WaitForServed(1);
        Assert.Equal((true, false), (machine.IsOnDevice(hot), machine.IsOnDevice(hot + PageSize.HugeBytes)));
    }

    /// <summary>What is against a move: it stays, the device asks more and more rarely, and what is advised otherwise comes.</summary>
    [Theory]
    [InlineData("never")]
    [InlineData("system")]
    [InlineData("accessed by")]
    public void WhatIsAdvisedToStayStays(string advised)
    {
        using var machine = new HotMachine(_options);
        AddressRange memory = machine.Allocate(1);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advised switch
        {
            "never" => advice with { NeverMigrate = true },
            "system" => advice with { Preferred = PreferredLocation.System },
            _ => advice with { AccessedBy = 1, Preferred = default },
        }));
        if (advised == "accessed by")
            machine.Fight(memory.Start, 1);
        else
            machine.Use(memory.Start, 1);
        machine.Time.Advance(_rest);
        int served = 0;
        for (int doublings = 0; doublings < 4; doublings++)
        {
            machine.Use(memory.Start, (Threshold << doublings) - (doublings == 0 ? 2 : 1));
            Assert.Equal((0, served), (machine.Hardware.Waiting, machine.Served().Count));
            machine.Use(memory.Start, 1);
            SvmEvent told = machine.WaitForServed(++served);
            Assert.Equal((MigrationCause.None, SvmStatus.Done), (told.Cause, told.Status));
        }

        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal(0, machine.Counters.AccessNotificationsServed);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { NeverMigrate = false, Preferred = PreferredLocation.OnDevice(0), AccessedBy = 0 }));
        machine.Use(memory.Start, 1);
        Assert.True(machine.IsOnDevice(memory.Start)); // By a fault: the mapping went with the advice.
    }

    /// <summary>The thrash policy has the say: what it keeps in RAM stays there.</summary>
    [Fact]
    public void WhatTheThrashPolicyKeepsInRamStays()
    {
        using var machine = new HotMachine(_options with { Thrash = new KeepInRam() });
        VirtualAddress hot = machine.Allocate(1).Start;
        machine.Fight(hot, 1);
        machine.Time.Advance(TimeSpan.FromSeconds(1));
        machine.Use(hot, 10 * Threshold);
        Assert.Equal(MigrationCause.None, machine.WaitForServed(1).Cause);
        Assert.False(machine.IsOnDevice(hot));
    }

    /// <summary>A CPU that takes the pages home again whenever they have come: they come less and less often.</summary>
    [Fact]
    public void PagesDoNotGoToAndFroForEver()
    {
        using var machine = new HotMachine(_options);
        VirtualAddress hot = machine.Allocate(1).Start;
        machine.Fight(hot, 0);
        for (int millisecond = 0; millisecond < 3000; millisecond++)
        {
            machine.Use(hot, Threshold);
            machine.WaitForAll();
            if (machine.IsOnDevice(hot))
            {
                machine.Store(hot, millisecond);
                Assert.Equal(millisecond, machine.Use(hot, 1));
            }

            machine.Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(machine.Counters.AccessNotificationsServed, 3, 9); // After 10 ms, 20, 40 and so on.
    }

    /// <summary>All the memory is another process's, and nothing can be evicted: the pages stay, the device asks ever more rarely, and they come when there is room.</summary>
    [Fact]
    public void OnAFullDeviceTheyStayAndComeWhenThereIsRoom()
    {
        using SoftwareGpuDevice device = HotMachine.NewDevice(blocks: 2);
        using var machine = new HotMachine(_options, device: device);
        VirtualAddress hot = machine.Allocate(1).Start;
        int served = 0;
        var taken = new DeviceFrame[2];
        foreach (ref DeviceFrame block in taken.AsSpan())
            Assert.Equal(SvmStatus.Done, device.Memory.Allocate(PageOrder.Huge, out block));
        machine.Use(hot, 1); // No room: mapped where it is.
        Assert.Equal((1, AddressProtocol.System), (machine.Counters.RemoteMaps, machine.ProtocolOf(hot)));
        machine.Use(hot, Threshold - 1);
        machine.WaitForServed(++served);
        for (int doublings = 1; doublings < 6; doublings++)
        {
            machine.Use(hot, Threshold << doublings);
            SvmEvent told = machine.WaitForServed(++served);
            Assert.Equal(
                doublings < 4 ? (MigrationCause.None, SvmStatus.Done) : (MigrationCause.AccessCounter, SvmStatus.OutOfDeviceMemory), (told.Cause, told.Status));
            Assert.Equal(AddressProtocol.System, machine.ProtocolOf(hot));
        }

        foreach (DeviceFrame block in taken)
            device.Memory.Free(block, PageOrder.Huge);
        machine.Use(hot, Threshold << 6);
        machine.WaitForServed(++served);
        Assert.Equal((true, served), (machine.IsOnDevice(hot), machine.Served().Count));
    }

    /// <summary>Three blocks on a device of two: the one that was pushed out and is hot comes for one that is not used, after 31 times the threshold.</summary>
    [Fact]
    public void WhatIsHotTakesThePlaceOfWhatIsNot()
    {
        using var machine = new HotMachine(_options with { Thrash = new LeavesInRam() }, blocks: 2);
        VirtualAddress first = machine.Allocate(3).Start;
        for (int block = 0; block < 3; block++)
            machine.Use(first + ((long)block * PageSize.HugeBytes), 1);
        VirtualAddress hot = machine.IsOnDevice(first) ? first + PageSize.HugeBytes : first;
        machine.Use(hot, 1); // It has just left: mapped where it is.
        Assert.Equal(AddressProtocol.System, machine.ProtocolOf(hot));
        machine.Time.Advance(_rest);
        for (int served = 1; served <= 5; served++)
        {
            Assert.False(machine.IsOnDevice(hot));
            machine.Use(hot, (Threshold << (served - 1)) - (served == 1 ? 1 : 0));
            machine.WaitForServed(served);
        }

        Assert.True(machine.IsOnDevice(hot));
        Assert.Equal(1, machine.Counters.AccessNotificationsServed);
    }

    /// <summary>Maps what has left a device a moment ago where it is, from the first time on.</summary>
    private sealed class LeavesInRam : IThrashPolicy
    {
        /// <inheritdoc/>
        public TimeSpan Window => TimeSpan.FromMilliseconds(50);

        /// <inheritdoc/>
        public ThrashAnswer Answer(in ThrashFacts facts) => facts.SinceReturn < TimeSpan.FromMilliseconds(1) ? ThrashAnswer.MapRemotely : ThrashAnswer.Move;
    }

    /// <summary>Faults ahead of need that found no place, told when the next are fetched.</summary>
    [Fact]
    public void DroppedFaultsAreToldOf()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        SvmEventStream stream = machine.Host.Events.Open(64);
        new FaultService(new Overflowing(new FaultOverflow(3, memory.Start, machine.Vm.AddressSpaceId)), machine.Vm, threads: 1).Dispose();
        var events = new SvmEvent[64];
        SvmEvent told = Assert.Single(events[..stream.Read(events)], one => one.Kind == SvmEventKind.FaultBufferOverflow);
        Assert.Equal((memory.Start, 3L << PageSize.Shift, (short)0), (told.Address, told.Bytes, told.To));
    }

    /// <summary>A buffer of one fault that has dropped others.</summary>
    /// <param name="dropped">What it dropped.</param>
    private sealed class Overflowing(FaultOverflow dropped) : IFaultBuffer
    {
        private int _fetches;

        public int Fetch(Span<GpuFault> faults)
        {
            faults[0] = new GpuFault(dropped.Address, MemoryAccess.Read, dropped.AddressSpaceId, 1, System.Diagnostics.Stopwatch.GetTimestamp());
            return _fetches++ == 0 ? 1 : 0;
        }

        public bool TryTakeOverflow(out FaultOverflow overflow)
        {
            overflow = dropped;
            return true;
        }

        public void Acknowledge(in GpuFault fault, SvmStatus status)
        {
        }

        public void Requeue(in GpuFault fault) => throw new InvalidOperationException();

        public void Close()
        {
        }
    }

    /// <summary>Leaves everything in RAM that has come home once.</summary>
    private sealed class KeepInRam : IThrashPolicy
    {
        public TimeSpan Window => TimeSpan.FromMilliseconds(1);

        public ThrashAnswer Answer(in ThrashFacts facts) => ThrashAnswer.MapRemotely;
    }
}
