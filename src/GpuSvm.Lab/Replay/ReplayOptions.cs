// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Replay;

/// <summary>The machine that a trace is replayed on.</summary>
public sealed record ReplayOptions
{
    /// <summary>The memory of each device in bytes; whole pages, at least one device.</summary>
    public required IReadOnlyList<long> DeviceMemoryBytes { get; init; }

    /// <summary>How many bytes the trace touches, at least as many as it does: RAM is made for them.</summary>
    public required long FootprintBytes { get; init; }

    /// <summary>Bytes of the larger pieces that it touches something of, which may come along and have to go somewhere; 0 where that is the same.</summary>
    public long SpannedBytes { get; init; }

    /// <summary>How the GPU address space behaves: its policies. They belong to this replay alone.</summary>
    public required GpuVmOptions Vm { get; init; }

    /// <summary>What the trace says of the run that it records: the machine is made alike, and does what the clock decided there. Null for a trace that is no recording, or to go by other policies.</summary>
    public RecordedSettings? Recorded { get; init; }

    /// <summary>What things cost.</summary>
    public CostModel CostModel { get; init; } = CostModels.UvmSmart;

    /// <summary>Who is told of everything that is replayed and what happened for it, with modelled times; null for nobody.</summary>
    public ITraceSink? Log { get; init; }
}
