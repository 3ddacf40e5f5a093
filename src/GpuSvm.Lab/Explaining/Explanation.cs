// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Explaining;

/// <summary>Why something was slow, and what would help.</summary>
public sealed record Explanation
{
    /// <summary>What was looked at, in words.</summary>
    public required string Source { get; init; }

    /// <summary>Why a trace was not read to its end; empty for none.</summary>
    public string Problem { get; init; } = "";

    /// <summary>Whether the events are the trace's own; otherwise those of a replay.</summary>
    public required bool IsRecorded { get; init; }

    /// <summary>Whether replays take faults in place of accesses, because the trace has no others.</summary>
    public bool ReplaysFaults { get; init; }

    /// <summary>Bytes of the pages that are touched.</summary>
    public required long FootprintBytes { get; init; }

    /// <summary>The memory of each device in the replays.</summary>
    public required long DeviceMemoryBytes { get; init; }

    /// <summary>Under what it was replayed.</summary>
    public required ReplaySettings Settings { get; init; }

    /// <summary>What the trace holds.</summary>
    public required TraceAnalysis Analysis { get; init; }

    /// <summary>The costliest intervals, the costliest first.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>The replay as things are; null where none was made.</summary>
    public ReplayResult? Before { get; init; }

    /// <summary>Why no replay was made; empty where one was, or none was asked for.</summary>
    public string WhyNotReplayed { get; init; } = "";

    /// <summary>Each suggestion replayed, the best first; without results where none was asked for.</summary>
    public IReadOnlyList<Trial> Trials { get; init; } = [];

    /// <summary>All that help, together; null where fewer than two do.</summary>
    public Trial? Together { get; init; }
}
