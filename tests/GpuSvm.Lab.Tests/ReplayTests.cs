// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Replays: the same each time, whole, and with counts that can be told in advance.</summary>
public sealed class ReplayTests
{
    private const long Mebibyte = 1 << 20;
    private static readonly VirtualAddress _start = new(0x2000_0000_0000);

    public static TheoryData<string, string> Runs { get; } = new(
        from workload in WorkloadKinds.All
        from prefetch in new[] { "random", "adaptive" }
        select (workload.Name, prefetch));

    [Theory]
    [MemberData(nameof(Runs))]
    public void AReplayIsTheSameEachTimeAndThroughAFile(string name, string prefetch)
    {
        IWorkload workload = WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = Mebibyte, Iterations = 2 });
        var file = new MemoryStream();
        using (var writer = new TraceWriter(file, new TraceHeader { Source = name }, leaveOpen: true))
        {
            workload.Generate(writer);
            writer.Complete();
        }

        var policies = new ReplayPolicies { Chunk = "64K", Prefetch = prefetch, Evict = "random" };
        (ReplayResult first, byte[] firstLog) = Run(policies, workload.Generate);
        (ReplayResult again, byte[] againLog) = Run(policies, sink =>
        {
            using var reader = new TraceReader(new MemoryStream(file.ToArray()), name);
            Assert.Equal(TraceEnd.Complete, reader.ReadTo(sink));
        });
        Assert.Equal(first.Costs, again.Costs);
        Assert.Equal(first with { Costs = again.Costs }, again);
        Assert.Equal(firstLog, againLog);
        Assert.Equal(0, first.FailedAccesses);
        Assert.True(first.DeviceFaults > 0 && first.EvictedPages > 0);
    }

    [Fact]
    public void TheCostsAddUpToTheTime()
    {
        IWorkload workload = WorkloadKinds.Find("hotspot")!.Create(new WorkloadOptions { Bytes = Mebibyte, Iterations = 3 });
        (ReplayResult result, _) = Run(new ReplayPolicies { Chunk = "64K" }, workload.Generate);
        Assert.Equal(result.ModelledNanoseconds, result.Costs.Values.Sum(), tolerance: 1);
        Assert.Equal(45_000.0 * result.DeviceFaults, result.Cost(ReplayCost.DeviceFault), tolerance: 1);
        Assert.InRange(result.LinkUse, 0.001, 1);
    }

    [Fact]
    public void APageThatComesBackAfterAnEvictionHasThrashed()
    {
        // Three pages in turn on a device of two, evicted in the order of faults: after the first round every touch brings back what has just been evicted.
        const int rounds = 5;
        ReplayResult result = Run(2 * PageSize.Bytes, new ReplayPolicies { Chunk = "4K", Evict = "fault-order", Thrash = "none" }, machine =>
        {
            for (int touch = 0; touch < 3 * rounds; touch++)
                machine.Access(Access(touch % 3, MemoryAccess.Write));
        });
        Assert.Equal(3 * rounds, result.DeviceFaults);
        Assert.Equal(3 * (rounds - 1), result.ThrashedPages);
        Assert.Equal((3 * rounds) - 2, result.EvictedPages);
        Assert.Equal(3 * rounds, result.DemandedPages);
        Assert.Equal(0, result.PrefetchedPages);
    }

    [Fact]
    public void WhatComesWithAFaultIsPrefetchedAndUsedOnceItIsTouched()
    {
        ReplayResult result = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "64K" }, machine =>
        {
            machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, 16), false));
            for (int page = 0; page < 16; page++)
                machine.Access(Access(page, MemoryAccess.Write) with { Agent = TraceAgent.Cpu() });
            machine.Access(Access(3, MemoryAccess.Read));
            machine.Access(Access(4, MemoryAccess.Read));
            machine.Access(Access(4, MemoryAccess.Read));
            machine.Access(Access(5, MemoryAccess.Write));
        });
        Assert.Equal(1, result.DeviceFaults);
        Assert.Equal(1, result.DemandedPages);
        Assert.Equal(15, result.PrefetchedPages);
        Assert.Equal(2, result.PrefetchedPagesUsed);
        Assert.Equal(2 / 15.0, result.PrefetchAccuracy);
        Assert.Equal(2 / 3.0, result.PrefetchCoverage);
        Assert.Equal(16 * PageSize.Bytes, result.BytesToDevice);
    }

    [Fact]
    public void ACpuTouchBringsThePageHomeAndTheDeviceFaultsAgain()
    {
        ReplayResult result = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K", Thrash = "none" }, machine =>
        {
            for (int turn = 0; turn < 4; turn++)
            {
                machine.Access(Access(0, MemoryAccess.Write));
                machine.Access(Access(0, MemoryAccess.Write) with { Agent = TraceAgent.Cpu(turn) });
                machine.Access(Access(0, MemoryAccess.Read) with { Agent = TraceAgent.Cpu() });
            }
        });
        Assert.Equal(4, result.DeviceFaults);
        Assert.Equal(4, result.CpuFaults);
        Assert.Equal(4 * PageSize.Bytes, result.BytesToHost);
        Assert.Equal(12, result.Accesses);
    }

    [Fact]
    public void FaultsThatComeSoonAfterOneAnotherShareABatch()
    {
        CostModel model = CostModels.UvmSmart with { InFlightAccesses = 4, BatchFaults = 3, FaultHandlingNanoseconds = 1 };
        ReplayResult result = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K" }, Touch(8), model);
        Assert.Equal(8, result.DeviceFaults);
        Assert.Equal(3, result.Batches); // Of 3, 3 and 2.
        Assert.Equal((3 * 45_000) + 8, result.Cost(ReplayCost.DeviceFault));
        Assert.Equal(8, Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K" }, Touch(8), model with { InFlightAccesses = 1 }).Batches);
    }

    [Fact]
    public void AdviceAndPrefetchesOfTheTraceAreFollowed()
    {
        ReplayResult stays = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K" }, machine =>
        {
            machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, 16), false));
            machine.Advice(new TraceAdvice(AddressRange.OfPages(_start, 16), new MemoryAdvice { NeverMigrate = true }));
            Touch(16)(machine);
            Touch(16)(machine);
        });
        Assert.Equal(0, stays.BytesToDevice);
        Assert.Equal(32, stays.RemoteAccesses);
        ReplayResult comes = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K" }, machine =>
        {
            machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, 16), false));
            machine.Access(Access(0, MemoryAccess.Write) with { Agent = TraceAgent.Cpu(), Bytes = 16 * PageSize.Bytes });
            machine.Prefetch(new TracePrefetch(AddressRange.OfPages(_start, 16), 0));
            Touch(16)(machine);
            machine.Prefetch(new TracePrefetch(AddressRange.OfPages(_start, 16), SvmPlace.Ram));
        });
        Assert.Equal(0, comes.DeviceFaults);
        Assert.Equal(16, comes.PrefetchedPagesUsed);
        Assert.Equal(16 * PageSize.Bytes, comes.BytesToHost);
    }

    [Fact]
    public void AtomicsOnMemoryThatStaysInRamAreServed()
    {
        ReplayResult result = Run(4 * Mebibyte, new ReplayPolicies { Chunk = "4K" }, machine =>
        {
            machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, 4), false));
            machine.Advice(new TraceAdvice(AddressRange.OfPages(_start, 4), new MemoryAdvice { NeverMigrate = true }));
            for (int page = 0; page < 4; page++)
                machine.Access(Access(page, MemoryAccess.Atomic));
        });
        Assert.Equal(0, result.BytesToDevice);
        Assert.Equal(4, result.DeviceFaults);
        Assert.Equal(0, result.FailedAccesses);
    }

    [Fact]
    public void ATraceOfFaultsAloneIsReplayedByThem()
    {
        string path = Path.GetTempFileName();
        try
        {
            using (TraceWriter writer = TraceWriter.Create(path, new TraceHeader { Source = "a profiler" }))
            {
                writer.Event(new SvmEvent(SvmEventKind.CpuFault, _start, PageSize.Bytes) { Access = MemoryAccess.Write });
                for (int page = 0; page < 5; page++)
                    writer.Event(new SvmEvent(SvmEventKind.GpuFault, _start + (page * PageSize.Bytes), PageSize.Bytes) { To = 1 });
                writer.Event(new SvmEvent(SvmEventKind.Migration, _start, PageSize.Bytes) { To = 1 });
            }

            var workload = new RecordedWorkload(path);
            Assert.Equal(5 * PageSize.Bytes, workload.FootprintBytes);
            Assert.Equal(2, workload.Devices);
            Assert.Contains("without the block that says it is complete", workload.Problem, StringComparison.Ordinal);
            ReplayResult result = new ReplaySettings { Policies = new ReplayPolicies { Chunk = "4K" } }.Run(workload);
            Assert.Equal(6, result.Accesses);
            Assert.Equal(5, result.DeviceFaults);
            File.WriteAllBytes(path, []);
            Assert.Throws<TraceFileException>(() => new RecordedWorkload(path));
            using (TraceWriter writer = TraceWriter.Create(path, new TraceHeader { Source = "nothing" }))
                writer.Complete();
            Assert.Contains("nothing to replay", Assert.Throws<TraceFileException>(() => new RecordedWorkload(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void OversubscriptionSaysHowMuchTheDeviceHolds()
    {
        Assert.Equal(100 * PageSize.Bytes, new ReplaySettings { Oversubscription = 1.25 }.DeviceBytesFor(125 * PageSize.Bytes));
        Assert.Equal(250 * PageSize.Bytes, new ReplaySettings().DeviceBytesFor(125 * PageSize.Bytes));
        Assert.Equal(16 * PageSize.Bytes, new ReplaySettings { DeviceMemoryBytes = 1 }.DeviceBytesFor(125 * PageSize.Bytes));
    }

    [Fact]
    public void AnAccessThatAdviceDeniesIsCountedAndNamed()
    {
        ReplayResult result = Run(4 * Mebibyte, new ReplayPolicies(), machine =>
        {
            machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, 4), false));
            machine.Advice(new TraceAdvice(AddressRange.OfPages(_start, 4), new MemoryAdvice { DeniedTo = 1 }));
            Touch(4)(machine);
        });
        Assert.Equal(4, result.FailedAccesses);
        Assert.Equal("access 1: Write by device 0 at 0x200000000000: AccessDenied", result.FirstFailure);
    }

    [Fact]
    public void WhatTheMachineCannotDoIsRefusedWithTheRemedy()
    {
        Assert.Contains("give the memory of each device", Refusal(machine => machine.Access(Access(0, MemoryAccess.Read) with { Agent = TraceAgent.Device(1) })), StringComparison.Ordinal);
        Assert.Contains("below 2^47", Refusal(machine => machine.Access(new TraceAccess(new VirtualAddress(1UL << 60), 8, MemoryAccess.Read, TraceAgent.Cpu()))), StringComparison.Ordinal);
        Assert.Contains("below 2^47", Refusal(machine => machine.Mapping(new TraceMapping(AddressRange.OfPages(default, 1), false))), StringComparison.Ordinal);
        Assert.Contains("the trace touches more", Refusal(machine =>
        {
            for (int page = 0; page < 20_000; page++)
                machine.Access(Access(page, MemoryAccess.Write) with { Agent = TraceAgent.Cpu() });
        }), StringComparison.Ordinal);
        var large = Assert.Throws<ReplayException>(() => new ReplayMachine(new ReplayOptions { DeviceMemoryBytes = [4096], FootprintBytes = 1L << 40, Vm = new ReplayPolicies().Create() }));
        Assert.Contains("smaller size", large.Message, StringComparison.Ordinal);
        var policy = Assert.Throws<ArgumentException>(() => new ReplayPolicies { Prefetch = "treee" }.Create());
        Assert.Contains("choose none, random", policy.Message, StringComparison.Ordinal);
    }

    /// <summary>The message of a replay that is refused.</summary>
    private static string Refusal(Action<ReplayMachine> trace) => Assert.Throws<ReplayException>(() => Run(4 * Mebibyte, new ReplayPolicies(), trace)).Message;

    /// <summary>A device writes pages in order.</summary>
    private static Action<ReplayMachine> Touch(int pages) => machine =>
    {
        for (int page = 0; page < pages; page++)
            machine.Access(Access(page, MemoryAccess.Write));
    };

    /// <summary>An access of the device to a page.</summary>
    private static TraceAccess Access(int page, MemoryAccess kind) => new(_start + ((long)page << PageSize.Shift), 8, kind, TraceAgent.Device());

    /// <summary>Replays a workload of 1 MiB on a device of half of that, and keeps everything that happened.</summary>
    private static (ReplayResult Result, byte[] Log) Run(ReplayPolicies policies, Action<ITraceSink> generate)
    {
        var file = new MemoryStream();
        using var log = new TraceWriter(file, new TraceHeader { Source = "the replay" }, leaveOpen: true);
        using var machine = new ReplayMachine(new ReplayOptions { DeviceMemoryBytes = [Mebibyte / 2], FootprintBytes = 2 * Mebibyte, Vm = policies.Create(), Log = log });
        generate(machine);
        ReplayResult result = machine.Result();
        log.Complete();
        return (result, file.ToArray());
    }

    /// <summary>Replays what a test makes.</summary>
    private static ReplayResult Run(long deviceBytes, ReplayPolicies policies, Action<ReplayMachine> trace, CostModel? model = null)
    {
        using var machine = new ReplayMachine(new ReplayOptions
        {
            DeviceMemoryBytes = [deviceBytes],
            FootprintBytes = Mebibyte,
            Vm = policies.Create(),
            CostModel = model ?? CostModels.UvmSmart,
        });
        trace(machine);
        return machine.Result();
    }
}
