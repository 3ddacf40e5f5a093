// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Simulation.Tests;

/// <summary>Failures are made small, and what scenarios say about jobs, places and the end is really looked at.</summary>
[Collection("explorer")]
public sealed class ScenarioShrinkerTests
{
    /// <summary>Of a scenario in which pages that were given up late come back, what is left is what that takes.</summary>
    [Fact]
    public void WhatIsLeftIsWhatTheFailureTakes()
    {
        Scenario scenario = ScenarioReader.Parse("""
            scenario noisy
            option discard-late
            memory A 2
            memory B 1
            before
              cpu.write B0
              cpu.write A0
              gpu.read B0
            thread gpu
              gpu.read B0
              prefetch A to gpu
              gpu.read A1
            thread program
              cpu.read B0
              discard A0
              cpu.write A1
            thread other
              gpu.write B0
            after
              cpu.read A0
            """);
        using var explorer = new ScheduleExplorer(scenario);
        ScheduleResult failed = Assert.IsType<ScheduleResult>(explorer.Explore(new ExhaustiveStrategy(2), new ExplorationLimits { MaxSchedules = 20_000 }).Failed);
        (Scenario small, ScheduleResult again) = ScenarioShrinker.Shrink(scenario, failed, new ExplorationLimits());
        Assert.True(again.Failure!.IsLike(failed.Failure!));
        string[] left = [.. small.Before.Concat(small.Threads.SelectMany(thread => thread.Operations)).Concat(small.After).Select(operation => operation.Text)];
        Assert.Contains("discard A0", left);
        Assert.Contains("cpu.write A0", left);
        Assert.DoesNotContain(left, line => line.Contains("B0", StringComparison.Ordinal));
        Assert.True(left.Length <= 4, string.Join("; ", left));
        using var smaller = new ScheduleExplorer(small);
        Assert.True(smaller.Replay(again.Decisions, new ExplorationLimits().MaxSteps, records: false).Failure!.IsLike(failed.Failure!));
    }

    /// <summary>A place that is not as the line says, and advice that is there, are failures.</summary>
    [Theory]
    [InlineData("  gpu.write A0\n  expect A0 cpu\n", "it is Device 0")]
    [InlineData("  cpu.write A0\n  expect A0 gpu0\n", "it is Ram")]
    [InlineData("  cpu.write A0\n  expect A0 untouched\n", "it is Ram")]
    [InlineData("  cpu.write A0\n  advise A0 pinned\n  expect A0 unadvised\n", "IsPinned = True")]
    public void WhatIsExpectedIsLookedAt(string operations, string expected) =>
        Assert.Contains(expected, FirstFailure($"scenario expects\nmemory A 1\nthread one\n{operations}"), StringComparison.Ordinal);

    /// <summary>Without faults a unit reaches what its job has named, and nothing else.</summary>
    [Theory]
    [InlineData("  gpu.write A0\n", "answers NotMapped")]
    [InlineData("  job A0\n  gpu.write A0\n  gpu.read A1\n  end-job\n", "finds no translation")]
    [InlineData("  end-job\n", "answers InvalidHandle")]
    public void AJobIsWhatADeviceWithoutFaultsNeeds(string operations, string expected) =>
        Assert.Contains(expected, FirstFailure($"scenario jobs\noption without-faults\nmemory A 2\nthread one\n{operations}"), StringComparison.Ordinal);

    /// <summary>Runs a scenario once, and gives what went wrong.</summary>
    private static string FirstFailure(string text)
    {
        using var explorer = new ScheduleExplorer(ScenarioReader.Parse(text));
        return Assert.IsType<ScheduleResult>(explorer.Explore(new ExhaustiveStrategy(0), new ExplorationLimits()).Failed).Failure!.Message;
    }
}
