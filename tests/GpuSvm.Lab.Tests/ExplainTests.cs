// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>What is found in traces of known trouble, what is suggested, and that replays of it are told as they come out.</summary>
public sealed class ExplainTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"gpusvm-explain-{Guid.NewGuid():N}.gsvmtrace");

    /// <inheritdoc/>
    public void Dispose() => File.Delete(_path);

    [Fact]
    public void AQuarrelAndAnEvictionAreNamedWithTheirFigures()
    {
        IReadOnlyList<Finding> findings = Findings.Of(TraceExamples.Analyse(TraceExamples.Write));
        Assert.Equal(["shared", "left", "right"], findings.Select(found => found.Name));
        Assert.Equal([UsePattern.PingPong, UsePattern.Returning, UsePattern.Returning], findings.Select(found => found.Pattern));
        Assert.Equal("these 4 MiB moved 80 times between CPU and GPU: 40 times over and 40 times back (40 GPU faults and 40 CPU faults)", findings[0].What);
        Assert.Contains("had to make room and came back 39 times within", findings[1].What, StringComparison.Ordinal);
        Assert.Equal("step", findings[0].Kernel);
    }

    [Fact]
    public void CpuAndDeviceOnDifferentPagesOfWhatMovesTogetherAreFalseSharing()
    {
        void Write(ITraceSink sink)
        {
            AddressRange array = TraceExamples.Map(sink, "counters", 0, 64 << 10);
            for (int round = 0; round < 12; round++)
            {
                sink.Access(new TraceAccess(array.Start + 0x8000, 4, MemoryAccess.Write, TraceAgent.Cpu()));
                sink.Kernel(new TraceKernel(round, 0, false, "count"));
                sink.Access(new TraceAccess(array.Start, 4, MemoryAccess.Write, TraceAgent.Device()));
                sink.Kernel(new TraceKernel(round, 0, true));
            }
        }

        Explanation explanation = TraceExamples.Explain(_path, Write);
        Assert.False(explanation.IsRecorded);
        Finding found = Assert.Single(explanation.Findings);
        Assert.Equal((UsePattern.FalseSharing, "counters"), (found.Pattern, found.Name));
        Trial small = explanation.Trials.Single(trial => trial.Suggestions[0].Advice?.Granularity == PageOrder.Small);
        Assert.True(small.Helps(explanation.Before!));
        Assert.Equal(1, small.Result!.DeviceFaults);
        Assert.True(explanation.Before!.DeviceFaults > 3);
    }

    [Fact]
    public void WhatOnlyTheDeviceReadsIsSuggestedForAPrefetchAndTheReplaySaysThatItHelps()
    {
        Explanation explanation = Explain("triad", new ReplaySettings { Policies = new ReplayPolicies { Chunk = "64K" } });
        Finding found = Assert.Single(explanation.Findings, found => found.Name == "b");
        Assert.Equal(UsePattern.Streamed, found.Pattern);
        Trial prefetch = explanation.Trials.Single(trial => trial.Suggestions[0].Text.StartsWith("prefetch b before", StringComparison.Ordinal));
        Assert.True(prefetch.Helps(explanation.Before!));
        Assert.True(prefetch.Result!.DeviceFaults < explanation.Before!.DeviceFaults);
        Trial stays = explanation.Trials.Single(trial => trial.Suggestions[0].Text == "leave in RAM: b");
        Assert.True(stays.Result!.BytesToDevice < explanation.Before!.BytesToDevice);
        Assert.Equal(stays.Gain(explanation.Before) <= -0.01 ? "hurts" : stays.Gain(explanation.Before) >= 0.01 ? "helps" : "no difference", stays.Verdict(explanation.Before));
        Assert.NotNull(explanation.Together);
        Assert.True(explanation.Together.Gain(explanation.Before) > 0);
    }

    [Fact]
    public void WhatDoesNotFitIsToldAsSuchAndASuggestionThatHurtsIsCalledSo()
    {
        Explanation explanation = Explain("hotspot", new ReplaySettings { Oversubscription = 1.5, Policies = new ReplayPolicies { Chunk = "64K", Prefetch = "tree", Thrash = "none" } }, iterations: 4);
        Assert.Contains(explanation.Findings, found => found.Pattern == UsePattern.Returning && found.What.Contains("larger than the device's memory", StringComparison.Ordinal));
        Assert.Contains(explanation.Trials, trial => trial.Suggestions[0].PolicyKind == "evict");
        ReplayResult before = explanation.Before!;
        Assert.Equal(explanation.Trials.Select(trial => trial.Gain(before)).OrderDescending(), explanation.Trials.Select(trial => trial.Gain(before)));
        Assert.Contains(explanation.Trials, trial => trial.Hurts(before) && trial.Verdict(before) == "hurts");
        Assert.All(explanation.Trials, trial => Assert.True(trial.Result!.Accesses == before.Accesses, trial.Suggestions[0].Text));
    }

    [Fact]
    public void ATraceThatTellsOfMigrationsIsTakenAtItsWordAndItsAdviceIsReplayedFromFaults()
    {
        Explanation explanation = TraceExamples.Explain(_path, TraceExamples.Write);
        Assert.True(explanation.IsRecorded);
        Assert.True(explanation.ReplaysFaults);
        Assert.False(explanation.Analysis.IsEstimated);
        Assert.Equal(120, explanation.Analysis.Totals.DeviceFaults);
        Trial pinned = explanation.Trials.Single(trial => trial.Suggestions[0].Text == "pin in RAM: shared");
        Assert.True(pinned.Result!.BytesToHost <= explanation.Before!.BytesToHost);
        Assert.True(pinned.Result.BytesToDevice < explanation.Before.BytesToDevice);
    }

    [Fact]
    public void NothingIsReplayedWhereNobodyAsks()
    {
        Explanation explanation = TraceExamples.Explain(_path, TraceExamples.Write, threads: 0);
        Assert.Null(explanation.Before);
        Assert.All(explanation.Trials, trial => Assert.Equal("not replayed", trial.Verdict(explanation.Before)));
    }

    /// <summary>Explains a generated workload of 3 MiB.</summary>
    private static Explanation Explain(string name, ReplaySettings settings, int iterations = 1) =>
        Explainer.Explain(() => WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = 3 << 20, Iterations = iterations }), settings, 1, _ => { });
}
