// SPDX-License-Identifier: MIT
using GpuSvm.Conformance.Races;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Every scenario of <see cref="ScenarioTable"/> on whatever memory the fixture gives; what a memory cannot play is skipped by name.</summary>
public abstract class ScenarioConformance
{
    /// <summary>The names of all scenarios.</summary>
    public static TheoryData<string> Names => [.. ScenarioTable.All.Select(scenario => scenario.Name)];

    /// <summary>The backend.</summary>
    protected abstract HostMemoryFixture Fixture { get; }

    /// <summary>Plays a scenario, or skips it.</summary>
    /// <param name="name">Its name.</param>
    [Theory]
    [MemberData(nameof(Names))]
    public void HappensAsTold(string name)
    {
        Scenario scenario = ScenarioTable.Find(name);
        Assert.SkipWhen(Fixture.Unavailable is not null, Fixture.Unavailable ?? "");
        IHostMemory? memory = scenario.NeedsProtection ? Fixture.CreateAnnouncingProtection() : Fixture.CreateForRaces();
        Assert.SkipWhen(memory is null, "This memory hears of no change of protection.");
        using var machine = new RaceMachine(Fixture, memory!);
        HostMemoryCapabilities missing = scenario.Needs & ~memory!.Capabilities;
        Assert.SkipWhen(missing != 0, $"This memory lacks {missing}.");
        Assert.SkipWhen(scenario.NeedsChildren && Fixture.SignalOfChild(memory, default) is null, "This memory's program has no children.");
        ScenarioMachine.Play(machine, scenario);
        machine.Finish();
    }
}
