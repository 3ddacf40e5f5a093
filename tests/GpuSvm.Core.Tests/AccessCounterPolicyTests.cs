// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Policies of the tests' own: what they are told, what becomes of their answers, and what happens meanwhile.</summary>
public sealed unsafe class AccessCounterPolicyTests
{
    private const int Threshold = 10;
    private const int Patience = 30_000; // Milliseconds.

    /// <summary>Regions of 64 KiB in a range of 2 MiB: just the hot one comes, the rest stays in RAM, and the policy is told all that is to be known.</summary>
    [Fact]
    public void APolicyOfOnesOwnDecides()
    {
        var policy = new Recording(PageOrder.Medium) { Answers = [AccessCounterAction.Leave, AccessCounterAction.Migrate, AccessCounterAction.Stay, AccessCounterAction.Migrate] };
        using var machine = new HotMachine(Options(policy));
        VirtualAddress hot = machine.Allocate(1).Start + (5 * PageOrder.Medium.Bytes);
        machine.Store(hot, 5);
        machine.Use(hot, Threshold);
        machine.WaitForServed(1);
        machine.Use(hot, (2 * Threshold) - 1);
        Assert.Equal(1, machine.Hardware.Notifications);
        Assert.Equal(5, machine.Use(hot, 1));
        machine.WaitForServed(2);
        for (int part = 0; part < 32; part++)
            Assert.Equal(part == 5, machine.IsOnDevice(hot + ((part - 5) * PageOrder.Medium.Bytes)));
        Assert.Equal((AddressProtocol.LocalMemory, AddressProtocol.System), (machine.ProtocolOf(hot), machine.ProtocolOf(hot - 1)));
        Assert.Equal(5, machine.Use(hot, 1000));
        Assert.Equal((2, PageOrder.Medium.Bytes), (machine.Hardware.Notifications, machine.Counters.AccessCounterBytes));
        long free = machine.Device.Memory.FreePages * (long)PageSize.Bytes;
        Assert.Equal(
            [new AccessCounterFacts(Threshold, 0, 65536, 0, 0, free + 65536, 0, TimeSpan.MaxValue, 0, false), new AccessCounterFacts(2 * Threshold, 1, 65536, 0, 0, free + 65536, 0, TimeSpan.MaxValue, 0, false)],
            policy.Asked);

        machine.Use(hot - PageOrder.Medium.Bytes, Threshold);
        machine.WaitForServed(3);
        machine.Use(hot - PageOrder.Medium.Bytes, (Threshold << IAccessCounterBuffer.MaxDoublings) - 1);
        Assert.Equal(3, machine.Hardware.Notifications);
        machine.Use(hot - PageOrder.Medium.Bytes, 1);
        machine.WaitForServed(4);
        Assert.True(machine.IsOnDevice(hot - PageOrder.Medium.Bytes));
    }

    [Fact]
    public void APolicyMayHearOfTheDevicesOwnMemory()
    {
        var policy = new Recording(PageOrder.Huge) { CountsOwnMemory = true };
        using var machine = new HotMachine(Options(policy) with { Placement = new FirstTouchPlacement() });
        VirtualAddress hot = machine.Allocate(1).Start;
        machine.Use(hot, 1); // Moves.
        machine.Use(hot, Threshold);
        machine.WaitForServed(1);
        AccessCounterFacts facts = Assert.Single(policy.Asked);
        Assert.Equal((Threshold, 0, (long)PageSize.HugeBytes), (facts.Accesses, facts.RemoteBytes, facts.HereBytes));
        Assert.Equal(0, machine.Counters.AccessNotificationsServed);
    }

    /// <summary>What comes too soon or too much for the service: two wait, the third is dropped, and comes when it has been used as often again.</summary>
    [Fact]
    public void WhatIsDroppedIsCountedAndComesLater()
    {
        var policy = new Recording(PageOrder.Huge);
        policy.IsOpen.Reset();
        using var machine = new HotMachine(Options(policy), places: 2);
        VirtualAddress first = machine.Allocate(4).Start;
        machine.Use(first, Threshold);
        Assert.True(policy.IsAsked.Wait(Patience));
        for (int block = 1; block < 4; block++)
            machine.Use(first + ((long)block * PageSize.HugeBytes), Threshold);
        Assert.Equal((2, 1), (machine.Hardware.Waiting, machine.Hardware.Dropped));
        policy.IsOpen.Set();
        machine.WaitForServed(3);
        Assert.Equal((3, 1), (machine.Counters.AccessNotifications, machine.Counters.AccessNotificationsDropped));
        VirtualAddress last = first + (3L * PageSize.HugeBytes);
        Assert.False(machine.IsOnDevice(last));
        machine.Use(last, Threshold);
        machine.WaitForServed(4);
        Assert.True(machine.IsOnDevice(last));
    }

    /// <summary>A batch of the policy's size is fetched at once.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(8, 0)]
    public void ABatchIsAsLargeAsThePolicyWants(int batch, int waiting)
    {
        var policy = new Recording(PageOrder.Huge) { Batch = batch };
        policy.IsOpen.Reset();
        using var machine = new HotMachine(Options(policy));
        VirtualAddress first = machine.Allocate(5).Start;
        machine.Use(first, Threshold);
        Assert.True(policy.IsAsked.Wait(Patience)); // It holds the first.
        for (int block = 1; block < 4; block++)
            machine.Use(first + ((long)block * PageSize.HugeBytes), Threshold);
        Assert.Equal(3, machine.Hardware.Waiting);
        policy.IsAsked.Reset();
        policy.Step.Release();
        Assert.True(policy.IsAsked.Wait(Patience)); // The second, and what was fetched with it.
        Assert.Equal(waiting, machine.Hardware.Waiting);
        policy.IsOpen.Set();
        policy.Step.Release();
        machine.WaitForServed(4);
        Assert.Equal(4, machine.Counters.AccessNotificationsServed);
    }

    /// <summary>Memory that is freed while its notification waits: nothing is asked, nothing comes.</summary>
    [Fact]
    public void WhatWasUnmappedMeanwhileIsNothing()
    {
        var policy = new Recording(PageOrder.Huge);
        policy.IsOpen.Reset();
        using var machine = new HotMachine(Options(policy));
        VirtualAddress first = machine.Allocate(1).Start;
        AddressRange second = machine.Allocate(1);
        machine.Use(first, Threshold);
        Assert.True(policy.IsAsked.Wait(Patience));
        machine.Use(second.Start, Threshold);
        machine.Free(second);
        policy.IsOpen.Set();
        Assert.Equal((MigrationCause.None, SvmStatus.Done), (machine.WaitForServed(2).Cause, machine.WaitForServed(2).Status));
        Assert.Single(policy.Asked);
        Assert.Equal(1, machine.Counters.AccessNotificationsServed);
    }

    /// <summary>Memory that is freed between the policy's answer and the migration.</summary>
    [Fact]
    public void MemoryMayGoBetweenTheAnswerAndTheMove()
    {
        var policy = new Recording(PageOrder.Huge);
        policy.IsOpen.Reset();
        using var machine = new HotMachine(Options(policy));
        AddressRange memory = machine.Allocate(1);
        machine.Use(memory.Start, Threshold);
        Assert.True(policy.IsAsked.Wait(Patience));
        machine.Free(memory);
        policy.IsOpen.Set();
        machine.WaitForServed(1);
        Assert.Equal(0, machine.Counters.AccessNotificationsServed);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
    }

    /// <summary>A VM that is closed while one notification is served and another waits: the first ends, the second is nobody's.</summary>
    [Fact]
    public void AClosedVmServesNothingMore()
    {
        var policy = new Recording(PageOrder.Huge);
        policy.IsOpen.Reset();
        using var machine = new HotMachine(Options(policy));
        VirtualAddress first = machine.Allocate(2).Start;
        machine.Use(first, Threshold);
        Assert.True(policy.IsAsked.Wait(Patience));
        machine.Use(first + PageSize.HugeBytes, Threshold);
        SoftwareGpuAccessCounters hardware = machine.Hardware;
        var closer = new Thread(machine.CloseVm);
        closer.Start();
        Assert.True(SpinWait.SpinUntil(() => hardware.IsClosed, Patience));
        policy.IsOpen.Set();
        Assert.True(closer.Join(Patience), "The VM does not close.");
        Assert.Equal((1, 1), (machine.Counters.AccessNotifications, hardware.Waiting));
        Assert.Single(policy.Asked);
    }

    /// <summary>To look and to ask costs no memory once that is warm.</summary>
    [Fact]
    public void AskingAllocatesNothingOnceItIsWarm()
    {
        var policy = new Recording(PageOrder.Huge) { Answers = [.. Enumerable.Repeat(AccessCounterAction.Leave, 400)], Remembers = false };
        using var machine = new HotMachine(Options(policy));
        VirtualAddress hot = machine.Allocate(1).Start;
        for (int round = 0; round < 300; round++)
        {
            machine.Hardware.ClearAll();
            machine.Use(hot, Threshold);
            machine.WaitForAll();
        }

        Assert.Equal(300, policy.Allocated.Count);
        Assert.All(policy.Allocated[200..], bytes => Assert.Equal(0, bytes));
    }

    /// <summary>A kernel and a CPU thread on the same pages, and counters that call them over at almost every touch: both come to their end, and no addition is lost.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public void NoByteIsLostWhateverComesAndGoes(int threshold)
    {
        var policy = new Recording(PageOrder.Huge) { Threshold = threshold, Remembers = false };
        using var machine = new KernelMachine(devices: 1, placement: new SystemPlacement(), accessCounters: policy);
        machine.CountFromBothSides(2000);
    }

    private static GpuVmOptions Options(IAccessCounterPolicy policy) => new() { Placement = new SystemPlacement(), Thrash = null, AccessCounters = policy };

    /// <summary>Answers what it is to, migrate in the end, and can be held.</summary>
    private sealed class Recording(PageOrder granularity) : IAccessCounterPolicy
    {
        private int _next;
        private long _before;

        public int Threshold { get; init; } = AccessCounterPolicyTests.Threshold;

        public PageOrder Granularity => granularity;

        public int Batch { get; init; } = 256;

        public bool CountsOwnMemory { get; init; }

        /// <summary>What to answer, one after the other.</summary>
        public AccessCounterAction[] Answers { get; init; } = [];

        /// <summary>Whether it keeps what it is told.</summary>
        public bool Remembers { get; init; } = true;

        /// <summary>What it was told.</summary>
        public List<AccessCounterFacts> Asked { get; } = new(1024);

        /// <summary>What its thread has allocated between one question and the next.</summary>
        public List<long> Allocated { get; } = new(65536);

        /// <summary>Set when it is asked.</summary>
        public ManualResetEventSlim IsAsked { get; } = new();

        /// <summary>Whether it answers at once.</summary>
        public ManualResetEventSlim IsOpen { get; } = new(true);

        /// <summary>Lets it answer once though it is not open.</summary>
        public SemaphoreSlim Step { get; } = new(0);

        public AccessCounterAction Answer(in AccessCounterFacts facts)
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            if (Allocated.Count < Allocated.Capacity)
                Allocated.Add(now - _before);
            if (Remembers)
                Asked.Add(facts);
            IsAsked.Set();
            while (!IsOpen.IsSet && !Step.Wait(1)) // Whichever comes first.
            {
            }

            _before = GC.GetAllocatedBytesForCurrentThread();
            return _next < Answers.Length ? Answers[_next++] : AccessCounterAction.Migrate;
        }
    }
}
