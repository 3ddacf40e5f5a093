// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Watch;

/// <summary>What has happened in 2 MiB of addresses within the last seconds, as the watched process says it.</summary>
/// <param name="Address">The first address.</param>
/// <param name="GpuFaults">GPU faults handled.</param>
/// <param name="CpuFaults">CPU faults served.</param>
/// <param name="BytesToDevice">Bytes that went to a device.</param>
/// <param name="BytesToRam">Bytes that came to RAM.</param>
/// <param name="Evictions">Runs of pages pushed out to make room.</param>
/// <param name="Turns">How often the direction of movement has changed.</param>
internal sealed record WatchedBlock(ulong Address, long GpuFaults, long CpuFaults, long BytesToDevice, long BytesToRam, long Evictions, long Turns)
{
    /// <summary>So many changes of direction within the window are no accident.</summary>
    private const int ThrashingTurns = 4;

    /// <summary>Whether its pages go to and fro.</summary>
    public bool IsThrashing => Turns >= ThrashingTurns;
}
