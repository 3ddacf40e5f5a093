// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>What leaves a full device under each policy, and what comes with a fault: on a device of four blocks of 64 KiB.</summary>
public sealed class EvictionPolicyTests
{
    private const int Group = 16; // Pages.

    /// <summary>A, B, C and D come; B is faulted on again; E and F come. Who has left?</summary>
    [Theory]
    [InlineData("fault order", "AC")]
    [InlineData("first in first out", "AB")]
    [InlineData("clock", "AC")]
    [InlineData("use", "AC")]
    public void TheVictimsAreThoseOfThePolicy(string name, string expected)
    {
        IEvictionPolicy policy = name switch
        {
            "fault order" => new FaultOrderEviction(),
            "first in first out" => new FifoEviction(),
            "clock" => new ClockEviction(),
            _ => new UseEviction(),
        };
        using Machine machine = NewMachine(policy);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        foreach (char group in "ABCDBEF")
            Touch(machine, memory, group);
        Assert.Equal(expected, Gone(machine, memory, "ABCDEF"));
        machine.Check();
    }

    /// <summary>With faults as the only uses the clock forgets what the order of faults remembers: B was used before the first round and not since.</summary>
    [Fact]
    public void TheClockForgetsAUseAfterARound()
    {
        foreach ((IEvictionPolicy policy, string expected) in new (IEvictionPolicy, string)[] { (new ClockEviction(), "ACDE"), (new FifoEviction(), "ABCD") })
        {
            using Machine machine = NewMachine(policy);
            AddressRange memory = machine.Allocate(PageSize.HugeBytes);
            foreach (char group in "ABCDBEFGH")
                Touch(machine, memory, group);
            string gone = Gone(machine, memory, "ABCDEFGH");
            Assert.Equal(4, gone.Length);
            Assert.Equal(expected[0], gone[0]);
            Assert.Equal(expected, gone);
        }
    }

    /// <summary>Every candidate has been used: one leaves all the same, after each was spared once.</summary>
    [Fact]
    public void WhereAllAreInUseOneLeavesAllTheSame()
    {
        var policy = new Recording(new UseEviction());
        using Machine machine = NewMachine(policy);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        foreach (char group in "ABCDABCDE")
            Touch(machine, memory, group);
        Assert.Equal("A", Gone(machine, memory, "ABCDE"));
        Assert.Equal([true, true, true, true], policy.Offered.Select(facts => facts.WasUsed));
        Assert.Equal([0, 1, 2, 3], policy.Offered.Select(facts => facts.Spared));
        Assert.All(policy.Offered, facts => Assert.Equal((PageOrder.Medium.Bytes, Group), (facts.Bytes, facts.PagesLeft)));
    }

    /// <summary>What is advised to be pinned leaves last, and leaves where nothing else is left.</summary>
    [Fact]
    public void PinnedMemoryLeavesLast()
    {
        using Machine machine = NewMachine(new FifoEviction());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(AddressRange.OfPages(memory.Start, 3 * Group), advice => advice with { IsPinned = true }));
        foreach (char group in "ABCDEF")
            Touch(machine, memory, group);
        Assert.Equal("DE", Gone(machine, memory, "ABCDEF"));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsPinned = true }));
        foreach (char group in "GHI")
            Touch(machine, memory, group);
        Assert.Equal("ABDEF", Gone(machine, memory, "ABCDEFGHI")); // F was not pinned when it came; then all are, and the first of them leaves.
        machine.Check();
    }

    [Fact]
    public void RandomVictimsAreTheSeedsAndNotAlwaysTheOldest()
    {
        string[] gone = [.. Enumerable.Range(0, 12).Select(seed => GoneAtRandom(seed))];
        Assert.Equal(gone, Enumerable.Range(0, 12).Select(seed => GoneAtRandom(seed)));
        Assert.True(gone.Distinct().Count() > 3, string.Join(' ', gone));
    }

    /// <summary>Of 2 MiB half leave with the first piece after which less than half is there.</summary>
    [Theory]
    [InlineData("0-15", "16-511", "0-15")]
    [InlineData("0-15", "16-255", "0-511")]
    [InlineData("0-15", "32-511", "0-31")]
    [InlineData("496-511", "0-255 256-271", "256-511")]
    [InlineData("496-511", "0-263", "256-511")]
    [InlineData("7-7", "0-6 8-511", "7-7")]
    public void TheTreeTakesTheLargestPartThatIsLessThanHalfFull(string victim, string resident, string expected)
    {
        Span<ulong> bits = stackalloc ulong[8];
        foreach (string run in resident.Split(' '))
        {
            PageRegion region = Parse(run);
            for (int page = region.First; page < region.End; page++)
                bits[page >> 6] |= 1UL << (page & 63);
        }

        Assert.Equal(Parse(expected), new TreeEviction().Widen(new EvictionBlockFacts(Parse(victim), PageSize.PagesPerHuge, bits)));
    }

    [Fact]
    public void WhatTheTreeWidensLeavesAndKeepsItsBytes()
    {
        using Machine machine = NewMachine(new TreeEviction());
        AddressRange memory = machine.Allocate(2 * PageSize.HugeBytes);
        for (int group = 0; group < 4; group++)
            machine.GpuStore(memory.Start + (group * PageOrder.Medium.Bytes), group + 1);
        machine.GpuStore(memory.Start + PageSize.HugeBytes, 5); // The others are 3 of 32 then: they go along.
        Assert.Equal("ABCD", Gone(machine, memory, "ABCD"));
        Assert.Equal(48, machine.Vm.Pagemap.Counters.NeighbourPages);
        for (int group = 0; group < 4; group++)
            Assert.Equal(group + 1, machine.CpuLoad(memory.Start + (group * PageOrder.Medium.Bytes)));
        machine.Check();
    }

    /// <summary>2 MiB touched in order: with the tree prefetcher at pages 0, 16, 32, 64, 128 and 256 only. UVM: the same six.</summary>
    [Theory]
    [InlineData("none", 32)]
    [InlineData("sequential", 16)]
    [InlineData("tree", 6)]
    [InlineData("block", 1)]
    [InlineData("stride", 6)]
    [InlineData("adaptive", 5)]
    public void AFaultBringsWhatThePolicyWants(string name, int faults)
    {
        IPrefetchPolicy? policy = name switch
        {
            "none" => null,
            "sequential" => new SequentialPrefetch(),
            "tree" => new TreePrefetch(),
            "stride" => new StridePrefetch(),
            "adaptive" => new AdaptivePrefetch(),
            _ => new WholeRangePrefetch(),
        };
        using Machine machine = NewMachine(new UseEviction(), policy, devicePages: 1024);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int page = 0; page < PageSize.PagesPerHuge; page++)
            machine.CpuStore(memory.Start + (page * PageSize.Bytes), page);
        for (int page = 0; page < PageSize.PagesPerHuge; page++)
            Assert.Equal(page, machine.GpuLoad(memory.Start + (page * PageSize.Bytes)));
        Assert.Equal(faults, machine.Vm.Counters.Faults);
        Assert.Equal(PageSize.PagesPerHuge - (faults * Group), machine.Vm.Counters.PrefetchedPages);
        Assert.Equal(faults, machine.Vm.Devices[0].Pagemap.Counters.BlocksToDevice); // What the policy wants comes in the fault's own migration.
        machine.Check();
    }

    /// <summary>What may not travel is left out; what lies behind it comes all the same.</summary>
    [Fact]
    public void AFaultLeavesOutWhatIsAdvisedToStay()
    {
        using Machine machine = NewMachine(new UseEviction(), new WholeRangePrefetch(), devicePages: 1024);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var stays = AddressRange.OfPages(memory.Start + (5 * PageOrder.Medium.Bytes), Group);
        for (int page = 0; page < PageSize.PagesPerHuge; page++)
            machine.CpuStore(memory.Start + (page * PageSize.Bytes), page);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(stays, advice => advice with { NeverMigrate = true }));
        Touch(machine, memory, 'D');
        Assert.Equal("F", Gone(machine, memory, "ABCDEFGHIJKLM"));
        Assert.False(machine.Vm.PageTable.Lookup(stays.Start).IsPresent);
        Assert.True(machine.Vm.PageTable.Lookup(stays.End).IsPresent);
        machine.Check();
    }

    /// <summary>On a device that holds less than the policy wants, the range that faulted comes first.</summary>
    [Fact]
    public void AFaultComesAloneWhereTheRestDoesNotFit()
    {
        using Machine machine = NewMachine(new UseEviction(), new WholeRangePrefetch(), devicePages: 4 * Group);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        foreach (char group in "HCMA")
        {
            Touch(machine, memory, group);
            Assert.Equal("", Gone(machine, memory, group.ToString()));
        }

        machine.Check();
    }

    /// <summary>A policy that remembers is asked once for a fault, however often an event makes the fault start over.</summary>
    [Fact]
    public void AFaultThatStartsOverDoesNotAskThePolicyAgain()
    {
        var policy = new CountingPrefetch();
        using Machine machine = NewMachine(new UseEviction(), policy, devicePages: 1024);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        using (new AtPoint(SchedulePointKind.PagesMapped, () => machine.CpuStore(memory.Start, 7)))
            Touch(machine, memory, 'A');
        Assert.Equal(1, policy.Asked);
        Assert.True(machine.Vm.Counters.Retries > 0);
        Assert.Equal("", Gone(machine, memory, "ABCD"));
        machine.Check();
    }

    /// <summary>What the CPU has just called home is not pulled away again because its neighbour faults.</summary>
    [Fact]
    public void APrefetchBesideAFaultLeavesAloneWhatTheCpuHasJustCalledHome()
    {
        using Machine machine = NewMachine(new UseEviction(), new WholeRangePrefetch(), devicePages: 1024, thrash: new BackOffThrash(60_000_000));
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Touch(machine, memory, 'B');
        Assert.Equal("", Gone(machine, memory, "ABCDE"));
        machine.CpuStore(memory.Start + PageOrder.Medium.Bytes, 1); // B comes home.
        machine.CpuStore(memory.Start, 2); // So does A.
        Touch(machine, memory, 'A'); // Mapped where it is.
        Assert.Equal("AB", Gone(machine, memory, "ABCDE"));
        machine.Check();
    }

    /// <summary>Wants the whole block, and counts how often it is asked.</summary>
    private sealed class CountingPrefetch : IPrefetchPolicy
    {
        /// <summary>How often it was asked.</summary>
        public int Asked { get; private set; }

        /// <inheritdoc/>
        public PageRegion Choose(in PrefetchFacts facts)
        {
            Asked++;
            return new PageRegion(0, facts.Pages);
        }
    }

    private static string GoneAtRandom(int seed)
    {
        using Machine machine = NewMachine(new RandomEviction(seed));
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        foreach (char group in "ABCDEF")
            Touch(machine, memory, group);
        return Gone(machine, memory, "ABCDEF");
    }

    private static Machine NewMachine(IEvictionPolicy eviction, IPrefetchPolicy? prefetch = null, int devicePages = 4 * Group, IThrashPolicy? thrash = null) => new(
        devicePages,
        vm: new GpuVmOptions
        {
            ChunkOrders = [PageOrder.Medium, PageOrder.Small],
            Placement = thrash is null ? new Machine.AlwaysMigrate() : new FirstTouchPlacement(),
            Thrash = thrash,
            Eviction = eviction,
            Prefetch = prefetch,
        });

    private static void Touch(Machine machine, AddressRange memory, char group) =>
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start + ((group - 'A') * PageOrder.Medium.Bytes)));

    private static string Gone(Machine machine, AddressRange memory, string groups) =>
        string.Concat(groups.Where(group => !machine.IsOnDevice(memory.Start + ((group - 'A') * PageOrder.Medium.Bytes))));

    private static PageRegion Parse(string text)
    {
        int[] ends = [.. text.Split('-').Select(int.Parse)];
        return new PageRegion(ends[0], ends[1] - ends[0] + 1);
    }

    /// <summary>Notes what a policy is asked.</summary>
    private sealed class Recording(IEvictionPolicy policy) : IEvictionPolicy
    {
        public List<EvictionFacts> Offered { get; } = new(64);

        public bool OrdersByUse => policy.OrdersByUse;

        public bool IsVictim(in EvictionFacts facts)
        {
            Offered.Add(facts);
            return policy.IsVictim(facts);
        }
    }
}
