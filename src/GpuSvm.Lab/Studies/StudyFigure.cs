// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Studies;

/// <summary>A figure of a replay as a column of a table, with the way back from the column.</summary>
/// <param name="Name">The column's name.</param>
/// <param name="Of">Its value for a result.</param>
/// <param name="With">The result with another value; null for a figure that follows from others.</param>
public sealed record StudyFigure(string Name, Func<ReplayResult, double> Of, Func<ReplayResult, double, ReplayResult>? With)
{
    /// <summary>All figures, in the order of a table: those that people look at, then the rest.</summary>
    public static IReadOnlyList<StudyFigure> All { get; } =
    [
        new("accesses", result => result.Accesses, (result, value) => result with { Accesses = (long)value }),
        new("touched_pages", result => result.TouchedPages, (result, value) => result with { TouchedPages = (long)value }),
        new("device_faults", result => result.DeviceFaults, (result, value) => result with { DeviceFaults = (long)value }),
        new("batches", result => result.Batches, (result, value) => result with { Batches = (long)value }),
        new("cpu_faults", result => result.CpuFaults, (result, value) => result with { CpuFaults = (long)value }),
        new("bytes_to_device", result => result.BytesToDevice, (result, value) => result with { BytesToDevice = (long)value }),
        new("bytes_to_host", result => result.BytesToHost, (result, value) => result with { BytesToHost = (long)value }),
        new("evictions", result => result.Evictions, (result, value) => result with { Evictions = (long)value }),
        new("evicted_pages", result => result.EvictedPages, (result, value) => result with { EvictedPages = (long)value }),
        new("thrashed_pages", result => result.ThrashedPages, (result, value) => result with { ThrashedPages = (long)value }),
        new("prefetched_pages", result => result.PrefetchedPages, (result, value) => result with { PrefetchedPages = (long)value }),
        new("prefetched_pages_used", result => result.PrefetchedPagesUsed, (result, value) => result with { PrefetchedPagesUsed = (long)value }),
        new("demanded_pages", result => result.DemandedPages, (result, value) => result with { DemandedPages = (long)value }),
        new("prefetch_accuracy", result => result.PrefetchAccuracy, null),
        new("prefetch_coverage", result => result.PrefetchCoverage, null),
        new("remote_accesses", result => result.RemoteAccesses, (result, value) => result with { RemoteAccesses = (long)value }),
        new("link_use", result => result.LinkUse, null),
        new("modelled_ns", result => result.ModelledNanoseconds, (result, value) => result with { ModelledNanoseconds = value }),
        new("bytes_between_devices", result => result.BytesBetweenDevices, (result, value) => result with { BytesBetweenDevices = (long)value }),
        new("copies", result => result.Copies, (result, value) => result with { Copies = (long)value }),
        new("thrashing_detected", result => result.ThrashingDetected, (result, value) => result with { ThrashingDetected = (long)value }),
        new("invalidations", result => result.Invalidations, (result, value) => result with { Invalidations = (long)value }),
        new("failed_accesses", result => result.FailedAccesses, (result, value) => result with { FailedAccesses = (long)value }),
        .. Enum.GetValues<ReplayCost>().Select(OfCost),
    ];

    /// <summary>What modelled time went to something.</summary>
    /// <param name="cost">What.</param>
    /// <returns>The figure, "cost_device_fault_ns".</returns>
    private static StudyFigure OfCost(ReplayCost cost) => new(
        $"cost_{System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(cost.ToString())}_ns",
        result => result.Cost(cost),
        (result, value) => result with { Costs = new Dictionary<ReplayCost, double>(result.Costs) { [cost] = value } });
}
