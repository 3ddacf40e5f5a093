// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Cli.Watch;

/// <summary>What `gpusvm top` shows of one memory: what is now, and rates between two answers of the process.</summary>
/// <param name="Id">Its number in the process.</param>
/// <param name="Kind">real or portable.</param>
/// <param name="HeapBytes">Allocated now.</param>
/// <param name="RamBytes">Of these, in RAM or not touched yet.</param>
/// <param name="DeviceBytesUsed">Device memory in use.</param>
/// <param name="DeviceBytesTotal">Its size.</param>
/// <param name="GpuFaultsPerSecond">GPU faults.</param>
/// <param name="CpuFaultsPerSecond">CPU faults.</param>
/// <param name="BytesToDevicePerSecond">Bytes to the device.</param>
/// <param name="BytesToRamPerSecond">Bytes to RAM.</param>
/// <param name="EvictionsPerSecond">Blocks pushed out.</param>
/// <param name="InvalidationsPerSecond">Events that took mappings away.</param>
/// <param name="GpuFaultsFailed">GPU faults refused, since the memory was opened.</param>
/// <param name="GpuFaultP50Ns">Median service time of the GPU faults in between; 0 without any.</param>
/// <param name="GpuFaultP99Ns">Their 99th percentile.</param>
/// <param name="CpuFaultP50Ns">The same of CPU faults.</param>
/// <param name="CpuFaultP99Ns">The same of CPU faults.</param>
/// <param name="EventsDropped">Events that the blocks know nothing of, since watching began.</param>
/// <param name="WindowSeconds">How long a time the blocks tell of.</param>
/// <param name="Blocks">The hottest 2 MiB of addresses, the hottest first.</param>
internal sealed record TopMemory(
    int Id, string Kind, long HeapBytes, long RamBytes, long DeviceBytesUsed, long DeviceBytesTotal, double GpuFaultsPerSecond, double CpuFaultsPerSecond,
    double BytesToDevicePerSecond, double BytesToRamPerSecond, double EvictionsPerSecond, double InvalidationsPerSecond, long GpuFaultsFailed,
    long GpuFaultP50Ns, long GpuFaultP99Ns, long CpuFaultP50Ns, long CpuFaultP99Ns, long EventsDropped, double WindowSeconds, IReadOnlyList<WatchedBlock> Blocks)
{
    /// <summary>Makes it of two answers.</summary>
    /// <param name="before">The memory then; null if it was not there.</param>
    /// <param name="now">The memory now.</param>
    /// <param name="seconds">The time between.</param>
    public static TopMemory Between(WatchedMemory? before, WatchedMemory now, double seconds)
    {
        double Rate(Func<WatchedMemory, long> value) => Math.Max(0, value(now) - (before is null ? 0 : value(before))) / seconds;
        var gpu = Difference(before?.GpuFaultNs, now.GpuFaultNs);
        var cpu = Difference(before?.CpuFaultNs, now.CpuFaultNs);
        return new TopMemory(
            now.Id, now.Kind, now.HeapBytes, Math.Max(0, now.HeapBytes - now.AwayBytes), now.DeviceBytesUsed, now.DeviceBytesTotal,
            Rate(m => m.GpuFaults), Rate(m => m.CpuFaults), Rate(m => m.BytesToDevice), Rate(m => m.BytesToRam), Rate(m => m.Evictions), Rate(m => m.Invalidations),
            now.GpuFaultsFailed, Histogram.Percentile(gpu, 0.5), Histogram.Percentile(gpu, 0.99), Histogram.Percentile(cpu, 0.5), Histogram.Percentile(cpu, 0.99),
            now.EventsDropped, now.WindowSeconds, now.Blocks);
    }

    /// <summary>The buckets of what came between two copies.</summary>
    /// <param name="before">Then; null for none.</param>
    /// <param name="now">Now.</param>
    private static ReadOnlySpan<long> Difference(IReadOnlyList<long>? before, IReadOnlyList<long> now)
    {
        var difference = new List<long>(now);
        for (var i = 0; i < Math.Min(before?.Count ?? 0, now.Count); i++)
            difference[i] = Math.Max(0, difference[i] - before![i]);
        return CollectionsMarshal.AsSpan(difference)[..Math.Min(difference.Count, Histogram.Buckets)];
    }
}
