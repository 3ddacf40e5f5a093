// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Numerics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Diagnostics;

/// <summary>How often values of which size came: one bucket for each power of two. What a sum hides, the slow one in a hundred, it shows.</summary>
/// <remarks>Bucket 0 counts zeroes, bucket i the values from 2^(i-1) to 2^i - 1. Locking: none; recording is three interlocked operations at most, on a stripe of the thread's own, and allocates nothing.
/// Read without locks: each bucket by itself.</remarks>
public sealed class Histogram
{
    /// <summary>The number of buckets: zero, and one for each bit of a positive long.</summary>
    public const int Buckets = 64;

    private static readonly double _nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private const int SumPlace = Buckets; // Behind a stripe's buckets.
    private const int MaxPlace = Buckets + 1;
    private const int Stride = Buckets + (ThreadStripe.LineBytes / sizeof(long)); // With room between the stripes.

    private readonly long[] _stripes = new long[ThreadStripe.Count * Stride]; // Interlocked.

    /// <summary>The sum of all values.</summary>
    public long Sum => SumOf(SumPlace);

    /// <summary>The largest value; 0 without any.</summary>
    public long Max
    {
        get
        {
            long max = 0;
            for (int stripe = 0; stripe < ThreadStripe.Count; stripe++)
                max = Math.Max(max, Interlocked.Read(ref _stripes[(stripe * Stride) + MaxPlace]));
            return max;
        }
    }

    /// <summary>How many values were recorded; the sum of the buckets at about this moment.</summary>
    public long Count
    {
        get
        {
            long count = 0;
            for (int i = 0; i < Buckets; i++)
                count += SumOf(i);
            return count;
        }
    }

    /// <summary>Records a value.</summary>
    /// <param name="value">Any; negative ones count as 0.</param>
    public void Record(long value)
    {
        value = Math.Max(0, value);
        int mine = ThreadStripe.Current * Stride;
        Interlocked.Increment(ref _stripes[mine + BucketOf(value)]);
        Interlocked.Add(ref _stripes[mine + SumPlace], value);
        ref long largest = ref _stripes[mine + MaxPlace];
        for (long max = Interlocked.Read(ref largest); value > max;)
        {
            long seen = Interlocked.CompareExchange(ref largest, value, max);
            if (seen == max)
                return;
            max = seen; // It has grown: at most as often as there are values above ours.
        }
    }

    /// <summary>Records a time.</summary>
    /// <param name="ticks">Stopwatch ticks; recorded as nanoseconds.</param>
    public void RecordTicks(long ticks) => Record(NanosecondsOf(ticks));

    /// <summary>Copies the buckets.</summary>
    /// <param name="counts">Where to: at least <see cref="Buckets"/>.</param>
    public void CopyTo(Span<long> counts)
    {
        for (int i = 0; i < Buckets; i++)
            counts[i] = SumOf(i);
    }

    /// <summary>The value below which a share of all recorded ones lies, as far as buckets tell.</summary>
    /// <param name="share">0 to 1; 0.99 for the 99th percentile.</param>
    /// <returns>An estimate, never above <see cref="Max"/>; 0 without values.</returns>
    public long Percentile(double share)
    {
        Span<long> counts = stackalloc long[Buckets];
        CopyTo(counts);
        return Math.Min(Percentile(counts, share), Max);
    }

    /// <summary>The same of buckets that were copied, or of the difference of two copies.</summary>
    /// <param name="counts">The buckets.</param>
    /// <param name="share">0 to 1.</param>
    /// <returns>An estimate: values are taken to lie evenly within their bucket. 0 without values.</returns>
    public static long Percentile(ReadOnlySpan<long> counts, double share)
    {
        long all = 0;
        foreach (long count in counts)
            all += count;
        double wanted = Math.Max(1, Math.Ceiling(all * Math.Clamp(share, 0, 1)));
        long before = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0 && before + counts[i] >= wanted)
                return LeastOf(i) + (long)((LargestOf(i) - LeastOf(i)) * ((wanted - before) / counts[i]));
            before += counts[i];
        }

        return 0;
    }

    /// <summary>Adds one place of all stripes up.</summary>
    /// <param name="place">The place.</param>
    /// <returns>The sum.</returns>
    private long SumOf(int place)
    {
        long sum = 0;
        for (int stripe = 0; stripe < ThreadStripe.Count; stripe++)
            sum += Interlocked.Read(ref _stripes[(stripe * Stride) + place]);
        return sum;
    }

    /// <summary>The bucket of a value.</summary>
    /// <param name="value">At least 0.</param>
    /// <returns>0 to 63.</returns>
    public static int BucketOf(long value) => 64 - BitOperations.LeadingZeroCount((ulong)value);

    /// <summary>The smallest value of a bucket.</summary>
    /// <param name="bucket">0 to 63.</param>
    /// <returns>The value.</returns>
    public static long LeastOf(int bucket) => bucket == 0 ? 0 : 1L << (bucket - 1);

    /// <summary>The largest value of a bucket.</summary>
    /// <param name="bucket">0 to 63.</param>
    /// <returns>The value.</returns>
    public static long LargestOf(int bucket) => bucket == 0 ? 0 : (long)((1UL << bucket) - 1);

    /// <summary>Stopwatch ticks as nanoseconds.</summary>
    /// <param name="ticks">The ticks.</param>
    /// <returns>Nanoseconds.</returns>
    public static long NanosecondsOf(long ticks) => Stopwatch.Frequency == 1_000_000_000 ? ticks : (long)(ticks * _nanosecondsPerTick);
}
