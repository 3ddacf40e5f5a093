// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Bench;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Tests;

/// <summary>Medians, goals and numbers as they are shown.</summary>
public sealed class ReportTests
{
    [Fact]
    public void TheMedianIsTheMiddleAndP99TheLastButOneInAHundred()
    {
        var samples = new Samples();
        foreach (var value in Enumerable.Range(1, 100).Reverse())
            samples.Add(value);
        Assert.Equal((50.5, 99.0), (samples.Median, samples.P99));
        samples.Add(1000);
        Assert.Equal((51.0, 100.0), (samples.Median, samples.P99));
    }

    [Theory]
    [InlineData(10.0, 5.0, true)]
    [InlineData(10.1, 5.0, false)]
    public void ALatencyMeetsItsGoalUpToTheRatio(double ours, double floor, bool met)
        => Assert.Equal(met, BenchRow.Latency("g", "n", "us", (ours, ours), (floor, floor), "f", 2.0, "").Met);

    [Theory]
    [InlineData(6.0, 10.0, true)]
    [InlineData(5.9, 10.0, false)]
    public void ARateMeetsItsGoalFromTheShareOn(double ours, double floor, bool met)
        => Assert.Equal(met, BenchRow.Rate("g", "n", ours, floor, "f", 0.6, "").Met);

    [Fact]
    public void AGoalThatWasNotMeasuredIsNeitherMetNorMissed()
    {
        Assert.Null(BenchRow.Latency("g", "n", "us", null, (5, 5), "f", 2.0, "why").Met);
        Assert.Null(BenchRow.Rate("g", "n", 5, null, "f", 0.6, "why").Met);
    }

    [Theory]
    [InlineData("pingpong", "ping-pong")]
    [InlineData("BFS", "bfs")]
    [InlineData("page-rank", "pagerank")]
    [InlineData("sotr", "sort")]
    [InlineData("zzzzzzzz", null)]
    public void TheNearestNameIsTheOneProbablyMeant(string text, string? expected)
        => Assert.Equal(expected, NearestName.Find(text, ["bfs", "pagerank", "triad", "pointer-chase", "ping-pong", "sort"]));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.0000012, "1.20 us")]
    [InlineData(0.5, "500 ms")]
    [InlineData(12.34, "12.3 s")]
    public void SecondsAreShownInAUnitThatFits(double seconds, string text) => Assert.Equal(text, Format.Seconds(seconds));
}
