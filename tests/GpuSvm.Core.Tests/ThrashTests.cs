// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Pages that go to and fro, under a clock of the test's own: detected, held back, pinned, let go again.</summary>
public sealed unsafe class ThrashTests
{
    private static readonly TimeSpan _nap = TimeSpan.FromMicroseconds(250);
    private static readonly TimeSpan _pin = TimeSpan.FromMilliseconds(150);

    private readonly ManualTime _time = new();

    /// <summary>Return, arrival, return: three moves, if none is too long after the one before.</summary>
    [Theory]
    [InlineData(1, 3, true)]
    [InlineData(5, 3, true)]
    [InlineData(6, 3, false)]
    [InlineData(1, 4, false)]
    public void ThrashingIsDetectedByWindowAndCount(int gapMilliseconds, int threshold, bool isDetected)
    {
        using Machine machine = NewMachine(new WindowThrash(threshold));
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        for (int turn = 0; turn < 2; turn++)
        {
            Bounce(machine, memory, turn);
            Assert.Equal(0, machine.Vm.Counters.ThrashingDetected);
            _time.Advance(TimeSpan.FromMilliseconds(gapMilliseconds));
        }

        Assert.Equal(isDetected ? SvmStatus.Busy : SvmStatus.Done, machine.Fault(memory.Start));
        Assert.Equal(!isDetected, machine.IsOnDevice(memory.Start));
        Assert.Equal((isDetected ? 1 : 0, isDetected ? 1 : 0), (machine.Vm.Counters.ThrashingDetected, machine.Vm.Counters.Throttled));
    }

    [Fact]
    public void AThrottledFaultIsServedAfterItsNapAndOthersMeanwhile()
    {
        using Machine machine = NewMachine(new WindowThrash());
        SvmEventStream stream = machine.Host.Events.Open(4096);
        AddressRange memory = machine.Allocate(2 * PageOrder.Medium.Bytes);
        VirtualAddress other = memory.Start + PageOrder.Medium.Bytes;
        BounceUntilBusy(machine, memory);
        Assert.Equal(SvmStatus.Done, machine.Fault(other));
        Assert.True(machine.IsOnDevice(other));
        long cpuFaults = machine.Host.Counters.CpuFaults;
        machine.CpuStore(memory.Start, 77); // The side that has the pages works on.
        Assert.Equal(cpuFaults, machine.Host.Counters.CpuFaults);
        _time.Advance(_nap - TimeSpan.FromMicroseconds(1));
        Assert.Equal(SvmStatus.Busy, machine.Fault(memory.Start));
        Assert.False(machine.IsOnDevice(memory.Start));
        _time.Advance(TimeSpan.FromMicroseconds(1));
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(77, machine.GpuLoad(memory.Start));
        Assert.Equal(1, machine.Vm.Counters.Throttled);
        List<SvmEvent> events = Read(stream);
        SvmEvent[] told = [.. events.Where(one => one.Kind is SvmEventKind.ThrashingDetected or SvmEventKind.ThrottlingStart or SvmEventKind.ThrottlingEnd)];
        Assert.Equal([SvmEventKind.ThrashingDetected, SvmEventKind.ThrottlingStart, SvmEventKind.ThrottlingEnd], told.Select(one => one.Kind));
        Assert.All(told, one => Assert.Equal((memory.Start, PageOrder.Medium.Bytes, (short)0), (one.Address, one.Bytes, one.To)));
        Assert.Equal((0, 0, 250_000), (told[0].Duration, told[1].Duration, told[2].Duration));
    }

    /// <summary>Throttle by throttle until the pin; then both sides work on the same bytes without a move; after it the pages move again.</summary>
    [Fact]
    public void WhatGoesOnIsPinnedInRamForATimeAndMovesAgainAfterIt()
    {
        using Machine machine = NewMachine(new WindowThrash(pinThreshold: 2));
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        PinDown(machine, memory);
        Assert.Equal((1, 2, 1), (machine.Vm.Counters.ThrashingDetected, machine.Vm.Counters.Throttled, machine.Vm.Counters.Pinned));
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        long cpuFaults = machine.Host.Counters.CpuFaults;
        for (int i = 0; i < 10; i++)
        {
            machine.GpuStore(memory.Start, i);
            Assert.Equal(i, machine.CpuLoad(memory.Start));
            machine.CpuStore(memory.Start + 8, -i);
            Assert.Equal(-i, machine.GpuLoad(memory.Start + 8));
            machine.Host.EnterEventGate();
            machine.Host.ProtectionChanged(memory); // The mapping is lost: the next touch maps it again, in RAM.
            machine.Host.LeaveEventGate();
        }

        Assert.Equal(cpuFaults, machine.Host.Counters.CpuFaults);
        machine.GpuStore(memory.Start, 5);
        _time.Advance(_pin - TimeSpan.FromMilliseconds(1));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        _time.Advance(TimeSpan.FromMilliseconds(3));
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent); // Nothing but the pin's end took it away.
        Assert.Equal(5, machine.GpuLoad(memory.Start));
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(1, machine.Vm.Counters.Pinned);
        machine.Check();
    }

    /// <summary>Three blocks, needed in turn, on a device of two: nobody gains by waiting, so the quarrel ends in a pin without a throttle.</summary>
    [Fact]
    public void WhatPushesItselfOutIsPinnedAtOnce()
    {
        using Machine machine = NewMachine(new WindowThrash(), devicePages: 32);
        AddressRange memory = machine.Allocate(3 * PageOrder.Medium.Bytes);
        for (int i = 0; i < 30; i++)
            machine.GpuStore(memory.Start + (i % 3 * PageOrder.Medium.Bytes), i);
        Assert.Equal(0, machine.Vm.Counters.Throttled);
        Assert.InRange(machine.Vm.Counters.Pinned, 1, 2);
        long evictions = machine.Vm.Pagemap.Counters.Evictions;
        for (int i = 30; i < 60; i++)
            machine.GpuStore(memory.Start + (i % 3 * PageOrder.Medium.Bytes), i);
        Assert.Equal(evictions, machine.Vm.Pagemap.Counters.Evictions); // Each has its place now.
        for (int block = 0; block < 3; block++)
            Assert.Equal(57 + block, machine.CpuLoad(memory.Start + (block * PageOrder.Medium.Bytes)));
    }

    /// <summary>A policy that would hold a touch back for ever: each is held back once, for no longer than 10 ms.</summary>
    [Fact]
    public void NoPolicyHoldsATouchBackTwice()
    {
        using Machine machine = NewMachine(new AlwaysThrottle());
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        Bounce(machine, memory, 0);
        for (int turn = 1; turn <= 3; turn++)
        {
            Assert.Equal(SvmStatus.Busy, machine.Fault(memory.Start));
            _time.Advance(TimeSpan.FromMilliseconds(10));
            Bounce(machine, memory, turn);
            Assert.Equal(turn, machine.Vm.Counters.Throttled);
        }
    }

    /// <summary>A policy of the user's own: pins at the second return, twice as long each time. It is told how often it did.</summary>
    [Fact]
    public void APolicyOfOnesOwnDecides()
    {
        var policy = new LongerAndLonger();
        using Machine machine = NewMachine(policy);
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        foreach (int milliseconds in (int[])[10, 20, 40])
        {
            Bounce(machine, memory, 1);
            Bounce(machine, memory, 2);
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
            Assert.False(machine.IsOnDevice(memory.Start));
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
            Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
            _time.Advance(TimeSpan.FromMilliseconds(2));
            Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
            _time.Advance(TimeSpan.FromMilliseconds(100)); // Another quarrel, but within a second.
        }

        Assert.Equal([0, 1, 2], policy.Pins);
        Assert.All(policy.Asked, facts => Assert.Equal((PageOrder.Medium.Bytes, false, 0), (facts.Bytes, facts.WasEvicted, facts.Throttled)));
        Assert.Equal([1, 3, 0, 2, 4, 0, 2, 4], policy.Asked.Select(facts => facts.Moves)); // After a rest the arrival counts: the block is known by then.
    }

    /// <summary>Memory that is freed and closed while it is held back, and while it is pinned.</summary>
    [Fact]
    public void MemoryMayGoWhileItIsHeldBackOrPinned()
    {
        using Machine machine = NewMachine(new WindowThrash(pinThreshold: 1));
        SvmEventStream stream = machine.Host.Events.Open(4096);
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        BounceUntilBusy(machine, memory);
        machine.Free(memory);
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(memory.Start));
        AddressRange pinned = machine.Allocate(PageOrder.Medium.Bytes);
        PinDown(machine, pinned);
        machine.Free(pinned);
        _time.Advance(TimeSpan.FromSeconds(1));
        AddressRange last = machine.Allocate(PageOrder.Medium.Bytes);
        PinDown(machine, last); // Is pinned when the machine ends.
        Assert.Equal(2, machine.Vm.Counters.Pinned);
        int starts = Read(stream).Count(one => one.Kind == SvmEventKind.ThrottlingStart);
        Assert.Equal(starts, machine.Vm.Counters.Throttled);
    }

    /// <summary>Without control pages move at every touch.</summary>
    [Fact]
    public void WithoutControlPagesMoveAtEveryTouch()
    {
        using Machine machine = NewMachine(null);
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        for (int turn = 0; turn < 20; turn++)
            Bounce(machine, memory, turn);
        Assert.Equal(0, machine.Vm.Counters.RemoteMaps);
    }

    /// <summary>The answers map where it is, hold back and pinned: once warm none allocates.</summary>
    [Theory]
    [InlineData("back-off")]
    [InlineData("throttle")]
    [InlineData("pin")]
    public void ATouchUnderControlAllocatesNothing(string how)
    {
        IThrashPolicy policy = how switch { "back-off" => new BackOffThrash(60_000_000), "pin" => new WindowThrash(pinThreshold: 1), _ => new WindowThrash() };
        using Machine machine = NewMachine(policy, checksSteps: false);
        AddressRange memory = machine.Allocate(PageOrder.Medium.Bytes);
        if (how == "back-off")
            Bounce(machine, memory, 0);
        else if (how == "throttle")
            BounceUntilBusy(machine, memory);
        else
            PinDown(machine, memory);
        SvmStatus expected = how == "throttle" ? SvmStatus.Busy : SvmStatus.Done;
        long bytes = 0;
        for (int round = 0; round < 400; round++)
        {
            if (round == 200)
                bytes = 0; // Warm from here on.
            machine.Host.EnterEventGate();
            machine.Host.ProtectionChanged(memory);
            machine.Host.LeaveEventGate();
            long before = GC.GetAllocatedBytesForCurrentThread();
            SvmStatus status = machine.Fault(memory.Start);
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(expected, status);
            Assert.False(machine.IsOnDevice(memory.Start));
        }

        Assert.Equal(0, bytes);
    }

    /// <summary>A kernel and a CPU thread that want the same pages all the time, in real time: both come to their end, and every addition is there.</summary>
    [Theory]
    [InlineData("back-off")]
    [InlineData("window")]
    [InlineData("always throttle")]
    [InlineData("pin at once")]
    public void AKernelAndACpuThreadOnTheSamePagesBothComeToTheirEnd(string name)
    {
        IThrashPolicy policy = name switch
        {
            "back-off" => new BackOffThrash(),
            "window" => new WindowThrash(),
            "pin at once" => new WindowThrash(threshold: 1, pinThreshold: 0, pin: TimeSpan.FromMilliseconds(2)),
            _ => new AlwaysThrottle(),
        };
        using var machine = new KernelMachine(devices: 1, thrash: policy);
        machine.CountFromBothSides(300);
    }

    private Machine NewMachine(IThrashPolicy? policy, int devicePages = 1024, bool checksSteps = true) => new(
        devicePages, vm: new GpuVmOptions { ChunkOrders = [PageOrder.Medium, PageOrder.Small], Thrash = policy }, time: _time, checksSteps: checksSteps);

    /// <summary>The GPU gets the block, and the CPU calls it home.</summary>
    private static void Bounce(Machine machine, AddressRange memory, long value)
    {
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        Assert.True(machine.IsOnDevice(memory.Start));
        machine.CpuStore(memory.Start, value);
        Assert.False(machine.IsOnDevice(memory.Start));
    }

    private static void BounceUntilBusy(Machine machine, AddressRange memory)
    {
        Bounce(machine, memory, 0);
        Bounce(machine, memory, 1);
        Assert.Equal(SvmStatus.Busy, machine.Fault(memory.Start));
    }

    /// <summary>Goes to and fro, naps and all, until the block is pinned.</summary>
    private void PinDown(Machine machine, AddressRange memory)
    {
        long pinned = machine.Vm.Counters.Pinned;
        for (int turn = 0; machine.Vm.Counters.Pinned == pinned; turn++)
        {
            Assert.InRange(turn, 0, 20);
            if (machine.Fault(memory.Start) == SvmStatus.Busy)
            {
                _time.Advance(_nap);
                Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
            }

            if (machine.Vm.Counters.Pinned == pinned)
                machine.CpuStore(memory.Start, turn);
        }
    }

    private static List<SvmEvent> Read(SvmEventStream stream)
    {
        var buffer = new SvmEvent[4096];
        return [.. buffer[..stream.Read(buffer)]];
    }

    /// <summary>Holds back whatever has left the device.</summary>
    private sealed class AlwaysThrottle : IThrashPolicy
    {
        public TimeSpan Window => TimeSpan.FromMilliseconds(1);

        public ThrashAnswer Answer(in ThrashFacts facts) => ThrashAnswer.Throttle(TimeSpan.FromHours(1));
    }

    /// <summary>Pins at the second return of a quarrel, twice as long each time.</summary>
    private sealed class LongerAndLonger : IThrashPolicy
    {
        public List<ThrashFacts> Asked { get; } = [];

        public List<int> Pins { get; } = [];

        public TimeSpan Window => TimeSpan.FromMilliseconds(50);

        public ThrashAnswer Answer(in ThrashFacts facts)
        {
            Asked.Add(facts);
            if (facts.Moves < 3)
                return ThrashAnswer.Move;
            Pins.Add(facts.Pins);
            return ThrashAnswer.Pin(TimeSpan.FromMilliseconds(10 << facts.Pins));
        }
    }
}
