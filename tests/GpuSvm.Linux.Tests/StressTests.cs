// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;
using GpuSvm.Stress;

namespace GpuSvm.Linux.Tests;

/// <summary>The explorer's scenarios on real memory, with delays at its schedule points: some dozens of runs each. GPUSVM_STRESS_SECONDS gives each so many seconds instead.</summary>
public sealed class StressTests
{
    private const int Runs = 32;

    private static readonly double _seconds =
        double.TryParse(Environment.GetEnvironmentVariable("GPUSVM_STRESS_SECONDS"), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) ? seconds : 0;

    /// <summary>All scenarios.</summary>
    public static TheoryData<string> All => [.. KnownScenarios.Names];

    [Theory]
    [MemberData(nameof(All))]
    public void NothingGoesWrongOnRealMemory(string name) => Run(KnownScenarios.Find(name)!, new StressPlan(), Runs);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void NothingGoesWrongInRandomScenarios(ulong part)
    {
        for (ulong seed = part * 1_000_000; seed < (part * 1_000_000) + (_seconds > 0 ? 200UL : 8UL); seed++)
            Run(ScenarioReader.Parse(ScenarioGenerator.MakeText(seed)), new StressPlan { Seed = seed }, Runs / 4);
    }

    /// <summary>Runs that follow a schedule come into its windows; runs that do not, hardly ever. R-11: a CPU thread touches a page on its way to the device.</summary>
    [Fact]
    public void FollowingAScheduleHitsItsWindows()
    {
        RealMemory.SkipIfUnavailable();
        var plan = new StressPlan { Schedule = WindowOf("R-11", "MigrationCollected"), Mode = DelayMode.Follow, LongestHold = TimeSpan.FromSeconds(2) };
        StressWindows followed = Run(KnownScenarios.Find("R-11")!, plan, 40).Followed;
        StressWindows undelayed = Run(KnownScenarios.Find("R-11")!, plan with { Mode = DelayMode.None }, 40).Undelayed;
        Assert.True(followed.Windows > 0 && followed.Part > 0.5 && followed.Part > undelayed.Part, $"followed {followed}, undelayed {undelayed}");
    }

    /// <summary>A scenario that expects what is not so fails, and says how to see it again.</summary>
    [Theory]
    [InlineData(DelayMode.Random, "--memory real --delay random:7")]
    [InlineData(DelayMode.Follow, "--memory real --replay m0:1")]
    [InlineData(DelayMode.None, "--memory real --delay none")]
    public void AWrongExpectationFailsWithItsSeedAndItsCommand(DelayMode mode, string options)
    {
        RealMemory.SkipIfUnavailable();
        Scenario wrong = ScenarioReader.Parse("scenario wrong\nmemory A 1\nbefore\n  cpu.write A0\nthread gpu\n  gpu.read A0 -> device-gone\nthread cpu\n  cpu.read A0\n");
        StressResult result = new StressExplorer(wrong, new StressPlan { Mode = mode, Seed = 7, Schedule = DecisionString.Parse("m0:1") }).Explore(new ExplorationLimits { MaxSchedules = 5 });
        Assert.Equal(1, result.Progress.Runs);
        Assert.Equal(ScheduleFailureKind.WrongStatus, result.Failed?.Failure.Kind);
        Assert.Contains("may only answer DeviceGone", result.Failed!.Failure.Message, StringComparison.Ordinal);
        Assert.Equal(options, result.Failed.Options);
        Assert.False(result.Failed.IsStuck);
    }

    /// <summary>A schedule of the explorer with one preemption, at a point.</summary>
    /// <param name="name">The scenario.</param>
    /// <param name="kind">The kind of point, that of a mark.</param>
    private static DecisionString WindowOf(string name, string kind)
    {
        using var explorer = new ScheduleExplorer(KnownScenarios.Find(name)!);
        var strategy = new PctStrategy(2, 1);
        for (int i = 0; i < 2000; i++)
        {
            ScheduleResult made = explorer.RunNext(strategy, 20_000)!;
            IReadOnlyList<StressHold> holds = FollowedSchedule.Make(made.Trace!, 2);
            if (holds.Count(hold => hold.IsWindow) == 1 && holds.Any(hold => hold.IsWindow && hold.At.Kind.ToString() == kind))
                return made.Decisions;
        }

        throw new InvalidOperationException($"No schedule of {name} takes the turn at {kind}.");
    }

    /// <summary>Runs a scenario and fails with what is needed to see it again.</summary>
    private static StressProgress Run(Scenario scenario, StressPlan plan, int runs)
    {
        RealMemory.SkipIfUnavailable();
        ExplorationLimits limits = _seconds > 0 ? new ExplorationLimits { MaxTime = TimeSpan.FromSeconds(_seconds) } : new ExplorationLimits { MaxSchedules = runs, MaxTime = TimeSpan.FromSeconds(5) };
        StressResult result = new StressExplorer(scenario, plan).Explore(limits);
        Assert.True(
            result.Failed is null,
            $"{result.Failed?.Failure.Kind}, {result.Failed?.Mode}, seed {result.Failed?.Seed}: {result.Failed?.Failure.Message}{Environment.NewLine}gpusvm explore {scenario.ToolName} {result.Failed?.Options} --budget 1000");
        return result.Progress;
    }
}
