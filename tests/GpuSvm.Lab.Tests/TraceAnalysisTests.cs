// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>What an analysis keeps of a trace: its sums are those of the replay, and its memory does not grow.</summary>
public sealed class TraceAnalysisTests
{
    [Theory]
    [InlineData("hotspot", 1.25)]
    [InlineData("gups", 1.5)]
    [InlineData("bfs", 1.0)]
    public void TheSumsAreThoseOfTheReplay(string name, double oversubscription)
    {
        IWorkload workload = WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = 2 << 20, Iterations = 2 });
        var analysis = new TraceAnalysis(CostModels.UvmSmart);
        var settings = new ReplaySettings { Oversubscription = oversubscription, Policies = new ReplayPolicies { Chunk = "64K" } };
        using ReplayMachine machine = settings.Build(workload, analysis);
        workload.Generate(machine);
        ReplayResult result = machine.Result();
        analysis.Complete();
        Assert.Equal(result.Accesses, analysis.Totals.Accesses);
        Assert.Equal(result.DeviceFaults, analysis.Totals.DeviceFaults);
        Assert.Equal(result.CpuFaults, analysis.Totals.CpuFaultsThatFetched);
        Assert.Equal(result.BytesToHost, analysis.Totals.BytesToRam);
        Assert.Equal(result.EvictedPages << PageSize.Shift, analysis.Totals.BytesEvicted);
        Assert.Equal(result.ThrashedPages << PageSize.Shift, analysis.Totals.BytesReturned);
        Assert.True(result.BytesToDevice <= analysis.Totals.BytesToDevice); // What is cleared there instead of copied counts here.
        Assert.Equal(analysis.Totals.DeviceFaults, analysis.Timelines.DeviceFaults.Sum);
        Assert.Equal(analysis.Totals.BytesToRam, analysis.Timelines.Bytes.Where(row => !row.Key.ToDevice).Sum(row => row.Value.Sum));
        Assert.Equal(analysis.Totals.DeviceFaults + analysis.Totals.CpuFaults, analysis.Heat.Rows.Sum(row => row.Row.Faults.Sum));
        Assert.Equal(analysis.Totals.DeviceFaults, analysis.Blocks.InOrder.Sum(block => block.Use.DeviceFaults));
        Assert.InRange(analysis.Totals.MostResident, 1, settings.DeviceBytesFor(workload.FootprintBytes));
    }

    [Fact]
    public void AFaultsTimeInAReplayIsWhatItCostWithEverythingThatMoved()
    {
        IWorkload workload = WorkloadKinds.Find("triad")!.Create(new WorkloadOptions { Bytes = 1 << 20 });
        var analysis = new TraceAnalysis(CostModels.UvmSmart);
        using ReplayMachine machine = new ReplaySettings { Policies = new ReplayPolicies { Chunk = "4K" } }.Build(workload, analysis);
        workload.Generate(machine);
        ReplayResult result = machine.Result();
        Assert.Equal(result.DeviceFaults, analysis.DeviceFaultTimes.Count);
        double all = result.Cost(ReplayCost.DeviceFault) + result.Cost(ReplayCost.ToDevice) + result.Cost(ReplayCost.Clear) + result.Cost(ReplayCost.Invalidation);
        Assert.InRange(analysis.DeviceFaultTimes.Sum, 0.99 * result.Cost(ReplayCost.DeviceFault), all);
        Assert.InRange(analysis.DeviceFaultTimes.Percentile(0.5), 45_000, 56_000);
    }

    [Fact]
    public void ResidencyIsWhatIsThereOverTime()
    {
        TraceAnalysis analysis = TraceExamples.Analyse(sink =>
        {
            AddressRange array = TraceExamples.Map(sink, "array", 0, 1 << 20);
            TraceExamples.Bring(sink, array, 101_000);
            TraceExamples.Fetch(sink, array, 301_000);
            sink.Kernel(new TraceKernel(0, 0, false, "last") { Time = 501_000 });
        });
        Assert.Equal(1 << 20, analysis.Totals.MostResident);
        // From 100 us to 300 us; an axis begins with its first record, which is the mapping at 0.
        Assert.Equal((1 << 20) * 200_000.0, analysis.Timelines.Residency.Sum, 1.0);
        Assert.Equal((1 << 20) * 200_000.0, analysis.Heat.Rows.Sum(row => row.Row.Residency.Sum), 1.0);
        Assert.Equal(0, analysis.Timelines.Residency[TimeAxis.Bins - 1]);
    }

    [Fact]
    public void WhatIsUnmappedIsOnNoDeviceAnyMore()
    {
        TraceAnalysis analysis = TraceExamples.Analyse(sink =>
        {
            AddressRange array = TraceExamples.Map(sink, "array", 0, 1 << 20);
            TraceExamples.Bring(sink, array, 101_000);
            sink.Mapping(new TraceMapping(array, true, "array") { Time = 200_000 });
            sink.Kernel(new TraceKernel(0, 0, false, "last") { Time = 400_000 });
        });
        Assert.Equal((1 << 20) * 100_000.0, analysis.Timelines.Residency.Sum, 1.0);
        Assert.Equal("array", analysis.Allocations.Find(TraceExamples.Start)!.Name); // The name stays, for the explanation.
    }

    [Fact]
    public void ALongTraceOverALargeFootprintKeepsItsSumsInTheSameMemory()
    {
        const int Events = 200_000;
        TraceAnalysis analysis = TraceExamples.Analyse(sink =>
        {
            for (int index = 0; index < Events; index++)
            {
                VirtualAddress address = TraceExamples.Start + ((index * 7919L % 50_000) << 21); // 100 GB, every 2 MiB.
                sink.Event(new SvmEvent(SvmEventKind.Migration, address, 64 << 10) { Timestamp = (index + 1) * 1_000_000L, From = SvmPlace.Ram, To = 0, Cause = MigrationCause.GpuFault });
            }
        });
        Assert.Equal(Events * 65536L, analysis.Totals.BytesToDevice);
        Assert.Equal(Events * 65536.0, analysis.Timelines.Bytes.Values.Single().Sum);
        Assert.InRange(analysis.Axis.Used, TimeAxis.Bins / 2, TimeAxis.Bins);
        Assert.InRange(analysis.Heat.Rows.Count, 2, HeatMap.MostRows);
        Assert.Equal(Events * 65536.0, analysis.Heat.Rows.Sum(row => row.Row.In.Sum));
        Assert.InRange(analysis.Blocks.InOrder.Count(), 2, 1 << 15);
        Assert.Equal(Events, analysis.Blocks.InOrder.Sum(block => block.Use.Migrations));
    }

    [Fact]
    public void VictimsAndCulpritsHaveTheNamesOfTheirAllocations()
    {
        TraceAnalysis analysis = TraceExamples.Analyse(TraceExamples.Write);
        Assert.Equal([("left", "right", 40), ("right", "left", 39)], analysis.Evictions.Select(pair => (pair.Victim, pair.Culprit, (int)pair.Evictions)));
        Assert.Equal((40, 120), (analysis.Kernels.Single().Launches, analysis.Totals.DeviceFaults));
    }

    [Fact]
    public void PercentilesAreRightWithinAQuarter()
    {
        var times = new LatencyHistogram();
        for (int value = 1; value <= 10_000; value++)
            times.Record(value * 37);
        Assert.InRange(times.Percentile(0.5), 185_000, 185_000 * 1.25);
        Assert.InRange(times.Percentile(0.99), 366_300, 370_000);
        Assert.Equal(370_000, times.Percentile(1));
        Assert.Equal(10_000, times.Buckets.Sum(bucket => bucket.Count));
        Assert.All(times.Buckets.Zip(times.Buckets.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
    }

    [Fact]
    public void AnImportWithoutDurationsIsEstimatedByTheCostModel()
    {
        TraceAnalysis analysis = TraceExamples.Analyse(sink =>
        {
            sink.Event(new SvmEvent(SvmEventKind.Migration, TraceExamples.Start, 2 << 20) { Timestamp = 1000, From = SvmPlace.Ram, To = 0, Cause = MigrationCause.Prefetch });
            sink.Event(new SvmEvent(SvmEventKind.GpuFault, TraceExamples.Start, PageSize.Bytes) { Timestamp = 2000, To = 0, Access = MemoryAccess.Read });
        });
        Assert.True(analysis.IsEstimated);
        Assert.Equal(45_000 + 1_000 + ((2 << 20) / 16.0), analysis.Totals.Cost, 2.0);
    }
}
