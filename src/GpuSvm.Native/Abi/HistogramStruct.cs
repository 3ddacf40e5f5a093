// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_histogram, field by field.</summary>
internal unsafe struct HistogramStruct
{
#pragma warning disable CS0649 // The caller fills it, in C.
    /// <summary>sizeof(gpusvm_histogram), as the caller was compiled.</summary>
    public uint StructBytes;
#pragma warning restore CS0649

    /// <summary>A <see cref="HistogramKind"/>.</summary>
    public uint Kind;

    /// <summary>How many values.</summary>
    public ulong Count;

    /// <summary>Their sum.</summary>
    public ulong Sum;

    /// <summary>The largest.</summary>
    public ulong Max;

    /// <summary>The median, estimated.</summary>
    public ulong P50;

    /// <summary>The 90th percentile, estimated.</summary>
    public ulong P90;

    /// <summary>The 99th percentile, estimated.</summary>
    public ulong P99;

    /// <summary>How many values of each power of two.</summary>
    public fixed ulong Buckets[Histogram.Buckets];

    /// <summary>Fills it in from one copy of the buckets, so that count and percentiles belong together.</summary>
    /// <param name="kind">Which it is.</param>
    /// <param name="histogram">The histogram.</param>
    public void Fill(HistogramKind kind, Histogram histogram)
    {
        Span<long> counts = stackalloc long[Histogram.Buckets];
        histogram.CopyTo(counts);
        Kind = (uint)kind;
        Sum = (ulong)histogram.Sum;
        Max = (ulong)histogram.Max;
        Count = 0;
        P50 = Math.Min(Max, (ulong)Histogram.Percentile(counts, 0.5));
        P90 = Math.Min(Max, (ulong)Histogram.Percentile(counts, 0.9));
        P99 = Math.Min(Max, (ulong)Histogram.Percentile(counts, 0.99));
        for (int i = 0; i < Histogram.Buckets; i++)
        {
            Buckets[i] = (ulong)counts[i]; // SAFETY: inside the fixed array, whose length is the constant.
            Count += (ulong)counts[i];
        }
    }
}
