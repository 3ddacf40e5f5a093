// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>The default eviction policy where a program goes round and round over more than fits, and where it stops doing so: on a device of 32 blocks of 64 KiB.</summary>
public sealed class ReuseEvictionTests
{
    private const int Fit = 32;

    /// <summary>The order of use evicts every block just before it is needed again; with a part kept, few more than do not fit come in a round.</summary>
    [Theory]
    [InlineData(36, 16)]
    [InlineData(40, 20)]
    [InlineData(48, 30)]
    public void ALoopOverMoreThanFitsKeepsAPart(int blocks, int most)
    {
        int inOrder = InLastRound(new FaultOrderEviction(), blocks);
        int kept = InLastRound(new UseEviction(), blocks);
        Assert.Equal(blocks, inOrder);
        Assert.InRange(kept, blocks - Fit, most);
    }

    /// <summary>What a loop has kept does not stand in the way of what comes after it.</summary>
    [Fact]
    public void AfterALoopAnotherWorkingSetSettles()
    {
        using Machine machine = NewMachine(new UseEviction());
        AddressRange memory = machine.Allocate(4 * PageSize.HugeBytes);
        for (int round = 0; round < 6; round++)
            Touch(machine, memory, 0, 40);
        for (int round = 0; round < 6; round++)
            Touch(machine, memory, 64, 24);
        Assert.Equal(0, Touch(machine, memory, 64, 24));
        machine.Check();
    }

    /// <summary>A stream that comes once leaves in the order in which it came, as if there were one list.</summary>
    [Fact]
    public void AStreamLeavesInItsOrder()
    {
        using Machine machine = NewMachine(new UseEviction());
        AddressRange memory = machine.Allocate(4 * PageSize.HugeBytes);
        Touch(machine, memory, 0, 100);
        for (int block = 0; block < 100; block++)
            Assert.Equal(block >= 100 - Fit, machine.IsOnDevice(memory.Start + (block * PageOrder.Medium.Bytes)));
        machine.Check();
    }

    /// <summary>Every block is evicted and comes back: none is lost from the lists, whatever the policy is changed to in between.</summary>
    [Fact]
    public void ThePolicyMayChangeInTheMiddle()
    {
        using Machine machine = NewMachine(new UseEviction());
        AddressRange memory = machine.Allocate(4 * PageSize.HugeBytes);
        foreach (IEvictionPolicy policy in new IEvictionPolicy[] { new UseEviction(), new FifoEviction(), new UseEviction(), new RandomEviction(7), new ClockEviction() })
        {
            machine.Vm.Pagemap.Eviction = policy;
            Touch(machine, memory, 0, 40);
            Assert.Equal(Fit, machine.Vm.Pagemap.AllocationCount);
        }

        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictAll(Host.MigrationCause.Eviction));
        Assert.Equal(0, machine.Vm.Pagemap.AllocationCount);
        machine.Check();
    }

    [Fact]
    public void TheHistoryTellsHowLongWhatComesBackWasUnused()
    {
        var history = new EvictionHistory(pages: 1024);
        var start = new VirtualAddress(0x7000_0000_0000);
        Assert.Null(history.NoteArrival(start, 16));
        history.NoteEviction(start, lastUse: 16);
        for (int other = 1; other <= 10; other++)
            Assert.Null(history.NoteArrival(start + (other * PageOrder.Medium.Bytes), 16));
        Assert.Equal(160, history.NoteArrival(start, 16));
        Assert.Equal(160 / 8, history.Interval);
        Assert.Null(history.NoteArrival(start, 16)); // Told once.
    }

    /// <summary>In a loop the interval is learned within a few returns; when only what is new comes it is forgotten.</summary>
    [Fact]
    public void TheHistoryLearnsAnIntervalAndForgetsIt()
    {
        var history = new EvictionHistory(pages: 1024);
        var start = new VirtualAddress(0x7000_0000_0000);
        for (int i = 0; i < 64; i++)
        {
            history.NoteEviction(start, history.Now - 320);
            Assert.Equal(320, history.NoteArrival(start, 16));
        }

        Assert.InRange(history.Interval, 310, 320);
        for (int i = 1; i < 400; i++)
            history.NoteArrival(start + (i * PageOrder.Medium.Bytes), 16);
        Assert.Equal(0, history.Interval);
    }

    /// <summary>What has been away for longer than eight times the memory takes to fill is as good as new.</summary>
    [Fact]
    public void TheHistoryForgetsWhatWasAwayForLong()
    {
        var history = new EvictionHistory(pages: 64);
        var start = new VirtualAddress(0x7000_0000_0000);
        history.NoteEviction(start, lastUse: 0);
        for (int other = 0; other < 64; other++)
            history.NoteArrival(new VirtualAddress(0x6000_0000_0000), 16);
        Assert.Null(history.NoteArrival(start, 16));
    }

    [Theory]
    [InlineData(100, 0, true)] // Nothing comes back.
    [InlineData(150, 100, false)]
    [InlineData(151, 100, true)]
    public void WhatIsUnusedForLongerThanItTakesToComeBackGivesWay(long age, long interval, bool expected)
        => Assert.Equal(expected, new UseEviction().GivesWay(new ReuseFacts(age, interval)));

    /// <summary>A call home counts at once; an eviction from the third in a row, and for a time that grows more slowly.</summary>
    [Theory]
    [InlineData(false, 1, 150, ThrashAction.MapRemotely)]
    [InlineData(true, 1, 150, ThrashAction.Move)]
    [InlineData(true, 2, 150, ThrashAction.Move)]
    [InlineData(true, 3, 350, ThrashAction.MapRemotely)]
    [InlineData(true, 3, 450, ThrashAction.Move)]
    [InlineData(true, 6, 450, ThrashAction.Move)]
    [InlineData(true, 7, 750, ThrashAction.MapRemotely)]
    [InlineData(true, 40, 25_000, ThrashAction.MapRemotely)]
    [InlineData(false, 9, 20_000, ThrashAction.MapRemotely)]
    public void EvictionsAreAQuarrelLaterThanCallsHome(bool wasEvicted, int returns, int microseconds, ThrashAction expected)
    {
        var facts = new ThrashFacts(PageSize.HugeBytes, 2 * returns, returns, TimeSpan.FromMicroseconds(microseconds), TimeSpan.FromMilliseconds(1), wasEvicted, 0, 0);
        Assert.Equal(expected, new BackOffThrash().Answer(facts).Action);
    }

    private static int InLastRound(IEvictionPolicy policy, int blocks)
    {
        using Machine machine = NewMachine(policy);
        AddressRange memory = machine.Allocate(4 * PageSize.HugeBytes);
        int came = 0;
        for (int round = 0; round < 8; round++)
            came = Touch(machine, memory, 0, blocks);
        machine.Check();
        return came;
    }

    /// <summary>Touches blocks in their order, those that are there too.</summary>
    /// <returns>How many had to come.</returns>
    private static int Touch(Machine machine, AddressRange memory, int first, int blocks)
    {
        int came = 0;
        for (int block = first; block < first + blocks; block++)
        {
            VirtualAddress address = memory.Start + (block * PageOrder.Medium.Bytes);
            came += machine.IsOnDevice(address) ? 0 : 1;
            _ = machine.GpuLoad(address);
        }

        return came;
    }

    private static Machine NewMachine(IEvictionPolicy policy) => new(
        Fit * PageOrder.Medium.Pages,
        vm: new GpuVmOptions { ChunkOrders = [PageOrder.Medium, PageOrder.Small], Placement = new Machine.AlwaysMigrate(), Thrash = null, Eviction = policy });
}
