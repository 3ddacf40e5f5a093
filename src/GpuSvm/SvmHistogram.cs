// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How often values of which size came. Times are in nanoseconds, sizes in bytes. Percentiles are estimates from the buckets: right within a factor of two.</summary>
/// <param name="Kind">Of what.</param>
/// <param name="Count">How many values.</param>
/// <param name="Sum">Their sum.</param>
/// <param name="Max">The largest.</param>
/// <param name="P50">The median.</param>
/// <param name="P90">The 90th percentile.</param>
/// <param name="P99">The 99th percentile.</param>
/// <param name="Buckets">64 counts: of zeroes, then of the values from 2^(i-1) to 2^i - 1.</param>
public sealed record SvmHistogram(HistogramKind Kind, long Count, long Sum, long Max, long P50, long P90, long P99, IReadOnlyList<long> Buckets);
