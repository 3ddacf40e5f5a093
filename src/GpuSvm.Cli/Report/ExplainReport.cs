// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm explain` found, for JSON. Names become snake_case.</summary>
/// <param name="Source">What was looked at.</param>
/// <param name="IsRecorded">Whether the events are the trace's own; otherwise those of a replay.</param>
/// <param name="Problem">Why a trace was not read to its end; empty for none.</param>
/// <param name="FootprintBytes">What it touches.</param>
/// <param name="DeviceMemoryBytes">The memory of each device in replays.</param>
/// <param name="Policies">The policies of replays.</param>
/// <param name="CostModel">What things cost.</param>
/// <param name="Totals">What all came to.</param>
/// <param name="Nanoseconds">From the first record to the last.</param>
/// <param name="Times">Percentiles of durations.</param>
/// <param name="Kernels">Kernels by name.</param>
/// <param name="Evictions">Who left for whom.</param>
/// <param name="Findings">The costliest intervals.</param>
/// <param name="Before">The replay as things are; null where none was made.</param>
/// <param name="Trials">What replaying the suggestions gives.</param>
/// <param name="Together">All that help, together; null where fewer than two do.</param>
/// <param name="WhyNotReplayed">Why nothing was replayed; empty for no reason.</param>
internal sealed record ExplainReport(
    string Source,
    bool IsRecorded,
    string Problem,
    long FootprintBytes,
    long DeviceMemoryBytes,
    ReplayPolicies Policies,
    CostModel CostModel,
    TraceTotals Totals,
    long Nanoseconds,
    IReadOnlyList<ExplainedTime> Times,
    IReadOnlyList<KernelUse> Kernels,
    IReadOnlyList<EvictionPair> Evictions,
    IReadOnlyList<ExplainedInterval> Findings,
    ReplayResult? Before,
    IReadOnlyList<ExplainedTrial> Trials,
    ExplainedTrial? Together,
    string WhyNotReplayed)
{
    /// <summary>The report of an explanation.</summary>
    /// <param name="explanation">The explanation.</param>
    public static ExplainReport Of(Explanation explanation)
    {
        var analysis = explanation.Analysis;
        return new ExplainReport(
            explanation.Source,
            explanation.IsRecorded,
            explanation.Problem,
            explanation.FootprintBytes,
            explanation.DeviceMemoryBytes,
            explanation.Settings.Policies,
            explanation.Settings.CostModel,
            analysis.Totals,
            analysis.Axis.Now,
            [.. analysis.Durations.Select(times => new ExplainedTime(times.Name, times.Times.Count, times.Times.Percentile(0.5), times.Times.Percentile(0.9), times.Times.Percentile(0.99), times.Times.Longest))],
            analysis.Kernels,
            analysis.Evictions,
            [.. explanation.Findings.Select(found => new ExplainedInterval(
                found.Name, found.Interval.Start.ToString(), found.Interval.Bytes, found.Pattern.ToString(), found.Use.Cost, found.Kernel, found.What, found.Remedy, found.Use))],
            explanation.Before,
            [.. explanation.Trials.Select(trial => ExplainedTrial.Of(trial, explanation.Before))],
            explanation.Together is { } together ? ExplainedTrial.Of(together, explanation.Before) : null,
            explanation.WhyNotReplayed);
    }
}
