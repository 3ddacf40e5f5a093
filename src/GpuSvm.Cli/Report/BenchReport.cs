// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>All figures of one `gpusvm bench`.</summary>
/// <param name="Memory">What `run` would use here: "real" or "portable".</param>
/// <param name="MemoryReason">Why it is portable; empty for real memory.</param>
/// <param name="Kernel">Operating system and kernel version.</param>
/// <param name="Processors">Processors this process may use.</param>
/// <param name="Processor">The processor's name, as the system gives it.</param>
/// <param name="LoadAverage">The system's one-minute load before the first figure; 0 if it is not known.</param>
/// <param name="Quick">Whether sizes and rounds were cut down.</param>
/// <param name="Placement">Where the threads of the latency figures ran, one line each.</param>
/// <param name="Rows">The figures.</param>
/// <param name="GoalsMet">Goals met.</param>
/// <param name="GoalsMissed">Goals missed.</param>
/// <param name="GoalsNotMeasured">Goals that could not be measured here.</param>
internal sealed record BenchReport(
    string Memory,
    string MemoryReason,
    string Kernel,
    int Processors,
    string Processor,
    double LoadAverage,
    bool Quick,
    IReadOnlyList<string> Placement,
    IReadOnlyList<BenchRow> Rows,
    int GoalsMet,
    int GoalsMissed,
    int GoalsNotMeasured);
