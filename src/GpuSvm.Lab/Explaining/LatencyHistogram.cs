// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Lab.Explaining;

/// <summary>How long things took, in buckets of a quarter of a power of two: a percentile is right within a quarter.</summary>
public sealed class LatencyHistogram
{
    private const int Parts = 4; // Of a power of two, itself one.
    private const int PartBits = 2;

    private readonly long[] _buckets = new long[64 * Parts];

    /// <summary>How many were recorded.</summary>
    public long Count { get; private set; }

    /// <summary>All of them together, in nanoseconds.</summary>
    public double Sum { get; private set; }

    /// <summary>The longest, in nanoseconds.</summary>
    public long Longest { get; private set; }

    /// <summary>Buckets from the first with something in it to the last, with their lower bounds in nanoseconds.</summary>
    public IReadOnlyList<(double From, double To, long Count)> Buckets
    {
        get
        {
            int first = Array.FindIndex(_buckets, bucket => bucket > 0);
            int last = Array.FindLastIndex(_buckets, bucket => bucket > 0);
            return first < 0 ? [] : [.. Enumerable.Range(first, last - first + 1).Where(IsReal).Select(index => (BoundOf(index), BoundAfter(index), _buckets[index]))];
        }
    }

    /// <summary>Records a duration.</summary>
    /// <param name="nanoseconds">Its length; 0 is not known and not recorded.</param>
    public void Record(long nanoseconds)
    {
        if (nanoseconds <= 0)
            return;
        int power = BitOperations.Log2((ulong)nanoseconds);
        int part = power >= PartBits ? (int)(nanoseconds >> (power - PartBits)) & (Parts - 1) : 0;
        _buckets[(power * Parts) + part]++;
        Count++;
        Sum += nanoseconds;
        Longest = Math.Max(Longest, nanoseconds);
    }

    /// <summary>What a share of them did not exceed.</summary>
    /// <param name="share">0.5 for the median.</param>
    /// <returns>Nanoseconds: the upper bound of the bucket, never more than the longest; 0 where nothing was recorded.</returns>
    public double Percentile(double share)
    {
        long left = (long)Math.Ceiling(share * Count);
        for (int index = 0; index < _buckets.Length; index++)
        {
            left -= _buckets[index];
            if (left <= 0 && _buckets[index] > 0)
                return Math.Min(BoundAfter(index), Longest);
        }

        return 0;
    }

    /// <summary>Whether a bucket can have anything in it: those of 1 and 2 ns have no quarters.</summary>
    /// <param name="index">The bucket.</param>
    private static bool IsReal(int index) => index / Parts >= PartBits || index % Parts == 0;

    /// <summary>Where a bucket begins.</summary>
    /// <param name="index">The bucket.</param>
    /// <returns>Nanoseconds.</returns>
    private static double BoundOf(int index) => Math.Pow(2, index / Parts) * (1 + ((double)(index % Parts) / Parts));

    /// <summary>Where the next bucket begins.</summary>
    /// <param name="index">The bucket.</param>
    /// <returns>Nanoseconds.</returns>
    private static double BoundAfter(int index) => IsReal(index + 1) ? BoundOf(index + 1) : Math.Pow(2, (index / Parts) + 1);
}
