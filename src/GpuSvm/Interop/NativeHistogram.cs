// SPDX-License-Identifier: MIT
namespace GpuSvm.Interop;

/// <summary>gpusvm_histogram, field by field.</summary>
internal unsafe struct NativeHistogram
{
    private const int BucketCount = 64;

    /// <summary>sizeof(gpusvm_histogram).</summary>
    public uint StructBytes;

    /// <summary>A <see cref="HistogramKind"/>.</summary>
    public uint Kind;

    /// <summary>How many values.</summary>
    public ulong Count;

    /// <summary>Their sum.</summary>
    public ulong Sum;

    /// <summary>The largest.</summary>
    public ulong Max;

    /// <summary>The median.</summary>
    public ulong P50;

    /// <summary>The 90th percentile.</summary>
    public ulong P90;

    /// <summary>The 99th percentile.</summary>
    public ulong P99;

    /// <summary>How many values of each power of two.</summary>
    public fixed ulong Buckets[BucketCount];

    /// <summary>The same as .NET sees it.</summary>
    /// <returns>The histogram.</returns>
    public SvmHistogram ToHistogram()
    {
        long[] buckets = new long[BucketCount];
        for (int i = 0; i < BucketCount; i++)
            buckets[i] = (long)Buckets[i];
        return new SvmHistogram((HistogramKind)Kind, (long)Count, (long)Sum, (long)Max, (long)P50, (long)P90, (long)P99, buckets);
    }
}
