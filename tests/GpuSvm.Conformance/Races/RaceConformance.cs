// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Races;

/// <summary>
/// The races R-n of docs/races.md, each forced into the interleaving that is drawn there, on whatever memory the fixture gives. Each test's comment begins with the number.
/// </summary>
public abstract class RaceConformance
{
    /// <summary>The backend.</summary>
    protected abstract HostMemoryFixture Fixture { get; }

    /// <summary>Options that leave pages in RAM.</summary>
    protected static GpuVmOptions InRam => new() { Placement = new Core.Policies.SystemPlacement() };

    /// <summary>Skips a test by name where the memory lacks what its race is made of.</summary>
    /// <param name="has">Whether it has it.</param>
    /// <param name="why">Why the race cannot happen there.</param>
    protected static void Needs(bool has, string why) => Assert.SkipWhen(!has, why);

    /// <summary>Runs a race on a fresh machine with one device, or skips it.</summary>
    /// <param name="body">The race.</param>
    /// <param name="options">How the device's address space behaves; null moves pages on every touch.</param>
    /// <param name="devicePages">The device's memory.</param>
    /// <param name="time">The clock; null for the system's.</param>
    protected void Run(Action<RaceMachine, RaceGpu> body, GpuVmOptions? options = null, int devicePages = 4096, TimeProvider? time = null) =>
        RunBare(machine => body(machine, machine.Add(options, devicePages)), time);

    /// <summary>Runs a race on a fresh machine without devices, or skips it.</summary>
    /// <param name="body">The race.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="make">Makes the memory; null for the one for races.</param>
    protected void RunBare(Action<RaceMachine> body, TimeProvider? time = null, Func<IHostMemory>? make = null)
    {
        Assert.SkipWhen(Fixture.Unavailable is not null, Fixture.Unavailable ?? "");
        using var machine = new RaceMachine(Fixture, make?.Invoke() ?? Fixture.CreateForRaces(), time);
        body(machine);
        machine.Finish();
    }
}
