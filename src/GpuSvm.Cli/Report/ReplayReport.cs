// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm replay` found, for people and for JSON alike: nothing in it depends on the machine that replayed, so the same call writes the same bytes. Names become snake_case in JSON.</summary>
/// <param name="Workload">What was replayed, in words.</param>
/// <param name="FootprintBytes">What it touches.</param>
/// <param name="DeviceMemoryBytes">The memory of each device.</param>
/// <param name="Chunk">The largest piece that moves at once.</param>
/// <param name="Prefetch">The prefetch policy.</param>
/// <param name="Evict">The eviction policy.</param>
/// <param name="Thrash">The thrash policy.</param>
/// <param name="Placement">The placement policy.</param>
/// <param name="Advice">What was advised beside what the trace advises itself.</param>
/// <param name="Seed">The seed of policies and workload.</param>
/// <param name="CostModel">What things cost.</param>
/// <param name="Problem">Why a trace was not replayed to its end; empty for none.</param>
/// <param name="Recorded">Of a recorded run, its figures beside those of the replay; empty for anything else.</param>
/// <param name="Differs">Why the two may differ, in words; empty where they may not.</param>
/// <param name="Result">What came of it.</param>
internal sealed record ReplayReport(
    string Workload,
    long FootprintBytes,
    long DeviceMemoryBytes,
    string Chunk,
    string Prefetch,
    string Evict,
    string Thrash,
    string Placement,
    IReadOnlyList<string> Advice,
    long Seed,
    CostModel CostModel,
    string Problem,
    IReadOnlyList<ComparedFigure> Recorded,
    string Differs,
    ReplayResult Result);
