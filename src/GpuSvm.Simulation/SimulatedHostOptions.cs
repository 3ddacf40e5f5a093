// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <summary>What kind of machine a <see cref="SimulatedHostMemory"/> plays. The default is a small one that promises everything.</summary>
public sealed record SimulatedHostOptions
{
    /// <summary>Every capability there is.</summary>
    public const HostMemoryCapabilities AllCapabilities = HostMemoryCapabilities.CpuFaults | HostMemoryCapabilities.WriteProtect
        | HostMemoryCapabilities.HugePages | HostMemoryCapabilities.LazyZero | HostMemoryCapabilities.MappingEvents | HostMemoryCapabilities.Remaps;

    /// <summary>What the memory promises; leave bits out to play a lesser machine.</summary>
    public HostMemoryCapabilities Capabilities { get; init; } = AllCapabilities;

    /// <summary>Physical memory in 4 KiB frames, 1 to 500,000; staging blocks come out of it too. The default is 32 MiB.</summary>
    public int Frames { get; init; } = 8192;

    /// <summary>How many staging blocks may be out at once, 0 or more.</summary>
    public int StagingBlocks { get; init; } = int.MaxValue;

    /// <summary>When the pages of a madvise go.</summary>
    public DiscardOrder DiscardOrder { get; init; } = DiscardOrder.AfterGate;

    /// <summary>
    /// How often one CPU access may fault on one page before it is given up with <see cref="Core.SvmStatus.TimedOut"/>, at least 1. A real CPU has no such
    /// bound; here it turns a livelock into a failing test.
    /// </summary>
    public int MaxFaultRounds { get; init; } = 1_000_000;
}
