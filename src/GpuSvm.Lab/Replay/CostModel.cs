// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>What things cost on a machine. Times are added up: nothing overlaps but the faults of one batch. docs/replay.md says where each figure of a preset comes from.</summary>
public sealed record CostModel
{
    /// <summary>What it is called, on the command line and in results.</summary>
    public required string Name { get; init; }

    /// <summary>The machine, and where the figures come from, in one line.</summary>
    public required string Source { get; init; }

    /// <summary>A batch of device faults, in nanoseconds: from its first fault to the replay, without what moves.</summary>
    public required double FaultNanoseconds { get; init; }

    /// <summary>Each fault of a batch beyond that, in nanoseconds: the handler's work.</summary>
    public double FaultHandlingNanoseconds { get; init; }

    /// <summary>The most faults in a batch, at least 1.</summary>
    public int BatchFaults { get; init; } = 1;

    /// <summary>How many accesses a device can still begin after one that faults, before it has to wait: faults among them join the batch. At least 1, which is none.</summary>
    public int InFlightAccesses { get; init; } = 1;

    /// <summary>A fault of a CPU thread, in nanoseconds, without what moves.</summary>
    public required double CpuFaultNanoseconds { get; init; }

    /// <summary>A walk of the device's page table, in nanoseconds: for the first access to a page, and when the translations of 2 MiB have to be fetched again.</summary>
    public required double PageWalkNanoseconds { get; init; }

    /// <summary>To set a copy up, in nanoseconds: once for each run of pages that lies together on both sides.</summary>
    public required double CopySetUpNanoseconds { get; init; }

    /// <summary>The way to the device.</summary>
    public required LinkCost ToDevice { get; init; }

    /// <summary>The way back.</summary>
    public required LinkCost ToHost { get; init; }

    /// <summary>An access of a device to memory that is not its own, in nanoseconds, before its bytes cross the link.</summary>
    public required double RemoteAccessNanoseconds { get; init; }

    /// <summary>To drop translations of the device and wait for it, in nanoseconds.</summary>
    public required double InvalidationNanoseconds { get; init; }

    /// <summary>How fast the device reads and writes its own memory, in GB/s: what all its accesses together cost.</summary>
    public required double DeviceGigabytesPerSecond { get; init; }

    /// <summary>How fast CPU threads read and write RAM, in GB/s.</summary>
    public required double HostGigabytesPerSecond { get; init; }
}
