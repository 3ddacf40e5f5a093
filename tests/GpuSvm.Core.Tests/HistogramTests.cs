// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Tests;

/// <summary>What a histogram says of values that are known.</summary>
public sealed class HistogramTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(1023, 10)]
    [InlineData(1024, 11)]
    [InlineData(long.MaxValue, 63)]
    public void AValueLiesWithinItsBucket(long value, int bucket)
    {
        Assert.Equal(bucket, Histogram.BucketOf(value));
        Assert.InRange(value, Histogram.LeastOf(bucket), Histogram.LargestOf(bucket));
        Assert.True(bucket == 0 || Histogram.LeastOf(bucket) == Histogram.LargestOf(bucket - 1) + 1);
    }

    [Fact]
    public void APercentileIsInTheBucketOfTheTrueOne()
    {
        var histogram = new Histogram();
        Assert.Equal((0L, 0L, 0L, 0L), (histogram.Count, histogram.Sum, histogram.Max, histogram.Percentile(0.5)));
        var random = new Random(7);
        long[] values = [.. Enumerable.Range(0, 10_000).Select(_ => (long)Math.Exp(random.NextDouble() * 20))];
        foreach (long value in values)
            histogram.Record(value);
        Array.Sort(values);
        foreach (double share in (double[])[0, 0.01, 0.5, 0.9, 0.99, 0.999, 1])
        {
            long exact = values[Math.Max(0, (int)Math.Ceiling(values.Length * share) - 1)];
            Assert.Equal(Histogram.BucketOf(exact), Histogram.BucketOf(histogram.Percentile(share)));
        }

        Assert.Equal((values.Length, values.Sum(), values[^1]), (histogram.Count, histogram.Sum, histogram.Max));
        Assert.Equal(values[^1], histogram.Percentile(1));
    }

    [Fact]
    public void OneSlowInAHundredIsSeenWhereTheMeanHidesIt()
    {
        var histogram = new Histogram();
        for (int i = 0; i < 98; i++)
            histogram.Record(1000);
        histogram.Record(1_000_000);
        histogram.Record(1_000_000);
        Assert.InRange(histogram.Percentile(0.5), 512, 1023);
        Assert.InRange(histogram.Percentile(0.99), 524_288, 1_000_000);
    }

    [Fact]
    public void ThreadsLoseNoValueAndNothingIsAllocated()
    {
        var histogram = new Histogram();
        histogram.Record(-5);
        long allocated = 0;
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            int mine = i + 1;
            threads[i] = new Thread(() =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int value = 1; value <= 20_000; value++)
                    histogram.Record((long)value * mine);
                Interlocked.Add(ref allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        Assert.Equal(80_001, histogram.Count);
        Assert.Equal(20_000L * 20_001 / 2 * 10, histogram.Sum);
        Assert.Equal(80_000, histogram.Max);
        Assert.Equal(0, allocated);
    }
}
