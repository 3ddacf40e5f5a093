// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Simulation.Tests;

/// <summary>Scenarios as text.</summary>
public sealed class ScenarioReaderTests
{
    [Fact]
    public void AScenarioSaysWhatItSays()
    {
        Scenario scenario = ScenarioReader.Parse(
            """
            # a comment
            scenario mine
            title What it shows.
            option gpus=2 gpu-pages=4 chunk=64K
            memory A 2
            before
              cpu.write A1.3
            thread one
              gpu1.write A0 -> done | not-mapped
              prefetch A to gpu1   # both pages
            after
              cpu.read A0
            """);
        Assert.Equal(("mine", "What it shows."), (scenario.Name, scenario.Title));
        Assert.Equal((2, 4), (scenario.Options.Devices, scenario.Options.DevicePages));
        ScenarioOperation before = Assert.Single(scenario.Before);
        Assert.Equal((ScenarioVerb.Write, -1, 1, 3), (before.Verb, before.Device, before.Pages.First, before.Cell));
        ScenarioThread thread = Assert.Single(scenario.Threads);
        Assert.Equal([SvmStatus.Done, SvmStatus.NotMapped], thread.Operations[0].Allowed);
        Assert.Equal((ScenarioVerb.Prefetch, 1, 2), (thread.Operations[1].Verb, thread.Operations[1].Device, thread.Operations[1].Pages.Count));
    }

    [Theory]
    [InlineData("cpu.write A0", 1, "stands in no section")]
    [InlineData("memory a 1", 1, "capital letters")]
    [InlineData("memory A 0", 1, "from 1 to")]
    [InlineData("memory A 1\nthread t\n  cpu.write B0", 3, "names no memory")]
    [InlineData("memory A 1\nthread t\n  cpu.write A1", 3, "is not in memory A")]
    [InlineData("memory A 1\nthread t\n  jump A0", 3, "is no operation")]
    [InlineData("memory A 1\nthread t\n  unmap", 3, "say on which pages")]
    [InlineData("memory A 1\nthread t\n  collect A0", 3, "is not about pages")]
    [InlineData("memory A 1\nthread t\n  advise A0 louder", 3, "choose")]
    [InlineData("memory A 1\nthread t\n  gpu1.read A0", 3, "option gpus=2")]
    [InlineData("memory A 1\nthread t\n  cpu.read A0 -> fine", 3, "is no status")]
    [InlineData("memory A 1\noption speed=9", 2, "is no option")]
    [InlineData("memory A 1\nthread t", 2, "does nothing")]
    [InlineData("thread t\n  collect", 2, "there is no memory")]
    public void WhatCannotBeReadIsRefusedWithItsLineAndARemedy(string text, int line, string remedy)
    {
        var refused = Assert.Throws<ScenarioFormatException>(() => ScenarioReader.Parse(text));
        Assert.Equal(line, refused.Line);
        Assert.Contains(remedy, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryRaceHasAScenarioAndEachCanBeRead()
    {
        for (int race = 1; race <= 30; race++)
            Assert.NotNull(KnownScenarios.Find($"R-{race}"));
        foreach (string name in KnownScenarios.Names)
            Assert.Equal(name, KnownScenarios.Find(name)!.Name);
        Assert.Null(KnownScenarios.Find("nothing"));
    }

    [Fact]
    public void RandomScenariosCanBeRead()
    {
        for (ulong seed = 0; seed < 500; seed++)
            Assert.InRange(ScenarioReader.Parse(ScenarioGenerator.MakeText(seed)).Threads.Count, 2, 3);
    }
}
