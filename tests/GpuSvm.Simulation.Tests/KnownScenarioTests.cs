// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Simulation.Tests;

/// <summary>The protocol's races, searched: with one preemption everywhere and completely, with more for a time. GPUSVM_EXPLORE_SECONDS gives each scenario so many seconds more.</summary>
[Collection("explorer")]
public sealed class KnownScenarioTests
{
    private static readonly double _seconds =
        double.TryParse(Environment.GetEnvironmentVariable("GPUSVM_EXPLORE_SECONDS"), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) ? seconds : 0;

    /// <summary>All scenarios.</summary>
    public static TheoryData<string> All => [.. KnownScenarios.Names];

    [Theory]
    [MemberData(nameof(All))]
    public void NothingGoesWrongWithOnePreemption(string name)
    {
        using var explorer = new ScheduleExplorer(KnownScenarios.Find(name)!);
        Assert.Equal(1, Explore(explorer, name, new ExhaustiveStrategy(1), new ExplorationLimits()).Exhausted);
        if (_seconds > 0)
        {
            Explore(explorer, name, new ExhaustiveStrategy(8), new ExplorationLimits { MaxTime = TimeSpan.FromSeconds(_seconds * 0.7) });
            Explore(explorer, name, new PctStrategy(4, 1), new ExplorationLimits { MaxTime = TimeSpan.FromSeconds(_seconds * 0.3) });
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void NothingGoesWrongInRandomScenarios(ulong part)
    {
        long schedules = _seconds > 0 ? 400 : 40;
        for (ulong seed = part * 1_000_000; seed < (part * 1_000_000) + (_seconds > 0 ? 500UL : 25UL); seed++)
        {
            using var explorer = new ScheduleExplorer(ScenarioReader.Parse(ScenarioGenerator.MakeText(seed)));
            Explore(explorer, $"random {seed}", new PctStrategy(3, seed), new ExplorationLimits { MaxSchedules = schedules });
        }
    }

    /// <summary>What user space cannot close (docs/explorer.md): Linux takes pages that are given up away after it has told of it, and what has moved in between survives. The search must find that.</summary>
    [Fact]
    public void WhatIsGivenUpLateCanComeBackAndTheSearchFindsIt()
    {
        const string text = "scenario late\noption discard-late\nmemory A 1\nbefore\n  cpu.write A0\nthread gpu\n  prefetch A to gpu\nthread program\n  discard A0\n";
        using var late = new ScheduleExplorer(ScenarioReader.Parse(text));
        ExplorationResult result = late.Explore(new ExhaustiveStrategy(2), new ExplorationLimits());
        Assert.Equal(ScheduleFailureKind.LostByte, result.Failed?.Failure?.Kind);
        using var prompt = new ScheduleExplorer(ScenarioReader.Parse(text.Replace("option discard-late\n", string.Empty, StringComparison.Ordinal)));
        Assert.Null(prompt.Explore(new ExhaustiveStrategy(2), new ExplorationLimits()).Failed);
    }

    /// <summary>Explores and fails with what is needed to see it again.</summary>
    private static ExplorationResult Explore(ScheduleExplorer explorer, string name, IScheduleStrategy strategy, ExplorationLimits limits)
    {
        ExplorationResult result = explorer.Explore(strategy, limits);
        if (result.Failed is null)
            return result;
        ScheduleResult small = explorer.Shrink(result.Failed, limits);
        Assert.Fail($"{small.Failure!.Kind}: {small.Failure.Message}{Environment.NewLine}gpusvm explore {name} --replay {small.Decisions}");
        return result;
    }
}
