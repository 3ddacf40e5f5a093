// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>One figure beside its floor, both measured in this run.</summary>
/// <param name="Group">Which of the benchmarks it belongs to.</param>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">"us", "ns", "bytes", "x" for a growth, "faults/s" or "GB/s".</param>
/// <param name="Ours">The median through this library, or null where it could not be measured.</param>
/// <param name="OursP99">The 99th percentile of a latency, or null.</param>
/// <param name="Floor">The median of the bare operation, or null where it could not be measured.</param>
/// <param name="FloorP99">The 99th percentile of the bare latency, or null.</param>
/// <param name="FloorName">What the floor is.</param>
/// <param name="Ratio">Latencies: ours by the floor, so smaller is better. Rates: ours as a share of the floor, so larger is better.</param>
/// <param name="Goal">The ratio to reach, or null where none is set.</param>
/// <param name="Met">Whether the goal is met; null where there is none or it could not be told.</param>
/// <param name="Note">What stood in the way, or how the figure came about.</param>
internal sealed record BenchRow(
    string Group,
    string Name,
    string Unit,
    double? Ours,
    double? OursP99,
    double? Floor,
    double? FloorP99,
    string FloorName,
    double? Ratio,
    double? Goal,
    bool? Met,
    string Note)
{
    /// <summary>A latency: smaller is better, the ratio is ours by the floor.</summary>
    public static BenchRow Latency(
        string group, string name, string unit, (double Median, double P99)? ours, (double Median, double P99)? floor, string floorName,
        double? goal, string note)
    {
        double? ratio = ours is { } o && floor is { } f ? o.Median / f.Median : null;
        return new BenchRow(
            group, name, unit, ours?.Median, ours?.P99, floor?.Median, floor?.P99, floorName, ratio, goal,
            goal is null || ratio is null ? null : ratio <= goal, note);
    }

    /// <summary>A rate: larger is better, the ratio is ours as a share of the floor.</summary>
    public static BenchRow Rate(string group, string name, double? ours, double? floor, string floorName, double? goal, string note, string unit = "GB/s")
    {
        var ratio = ours / floor;
        return new BenchRow(
            group, name, unit, ours, null, floor, null, floorName, ratio, goal, goal is null || ratio is null ? null : ratio >= goal, note);
    }
}
