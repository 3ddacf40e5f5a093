// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm replay` and `gpusvm compare`: what they write, how they go on, and what they refuse.</summary>
public sealed class LabTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AReplayWritesTheSameBytesEachTime()
    {
        string[] arguments = ["replay", "gups", "--size", "1M", "--oversubscription", "125%", "--chunk", "64K", "--evict", "random", "--prefetch", "random", "--seed", "7", "--json", "-"];
        var first = ToolRun.Of(arguments);
        Assert.Equal("", first.Error);
        Assert.Equal(0, first.ExitCode);
        Assert.Equal(first.Output, ToolRun.Of(arguments).Output);
        using var report = JsonDocument.Parse(first.Output);
        Assert.Equal("uvm-smart", report.RootElement.GetProperty("cost_model").GetProperty("name").GetString());
        Assert.True(report.RootElement.GetProperty("result").GetProperty("device_faults").GetInt64() > 0);
        Assert.Equal(839680, report.RootElement.GetProperty("device_memory_bytes").GetInt64()); // 1 MiB / 1.25, whole pages.
        Assert.NotEqual(first.Output, ToolRun.Of([.. arguments[..^4], "--seed", "8", "--json", "-"]).Output);
    }

    [Fact]
    public void AReplayShowsItsFiguresAndItsModel()
    {
        var run = ToolRun.Of("replay", "hotspot", "--size", "12M", "--chunk", "64K", "--prefetch", "tree");
        Assert.Equal("", run.Error);
        Assert.Contains("36 in 36 batches", run.Output, StringComparison.Ordinal);
        Assert.Contains("accuracy 100.0 %", run.Output, StringComparison.Ordinal);
        Assert.Contains("cost model uvm-smart: GTX 1080 Ti", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ATraceThatWasCutOffIsReplayedAsFarAsItGoesAndEndsWithOne()
    {
        var path = Path.Combine(_folder.Path, "cut.gsvmtrace");
        using (var writer = TraceWriter.Create(path, new TraceHeader { Source = "a test" }))
            WorkloadKinds.Find("triad")!.Create(new WorkloadOptions { Bytes = 1 << 20 }).Generate(writer);
        var run = ToolRun.Of("replay", path);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("without the block", run.Output, StringComparison.Ordinal);
        Assert.Equal(2, ToolRun.Of("replay", _folder.Write("no.txt", "no trace")).ExitCode);
    }

    [Fact]
    public void TheLogOfAReplayIsATraceThatReplaysAlike()
    {
        var log = Path.Combine(_folder.Path, "log.gsvmtrace");
        string[] machine = ["--device-memory", "512K", "--chunk", "64K", "--json", "-"];
        using var first = JsonDocument.Parse(ToolRun.Of(["replay", "hotspot", "--size", "1M", "--log", log, .. machine]).Output);
        using var again = JsonDocument.Parse(ToolRun.Of(["replay", log, .. machine]).Output);
        foreach (var figure in (string[])["accesses", "device_faults", "bytes_to_device", "bytes_to_host", "evicted_pages", "thrashed_pages"])
            Assert.Equal(first.RootElement.GetProperty("result").GetProperty(figure).GetInt64(), again.RootElement.GetProperty("result").GetProperty(figure).GetInt64());
    }

    [Fact]
    public void AStudyComparesEverythingWithEverythingAndGoesOnWhereItWas()
    {
        var results = Path.Combine(_folder.Path, "rows.jsonl");
        var csv = Path.Combine(_folder.Path, "rows.csv");
        string[] study = ["compare", "triad", "gups", "--size", "1M", "--oversubscription", "1,1.5", "--prefetch", "none,tree", "--evict", "fifo,random", "--seeds", "2", "--results", results, "--csv", csv];
        var first = ToolRun.Of(study);
        Assert.Equal("", first.Error);
        Assert.Equal(0, first.ExitCode);
        Assert.Contains("32 replays", first.Output, StringComparison.Ordinal);
        var rows = File.ReadAllLines(results);
        Assert.Equal(32, rows.Length);
        Assert.Equal(33, File.ReadAllLines(csv).Length);
        File.WriteAllText(results, string.Join('\n', rows[..20]) + "\n" + rows[20][..40]); // Stopped in the middle of a row.
        var again = ToolRun.Of(study);
        Assert.Contains("32 replays, 20 of them known", again.Output, StringComparison.Ordinal);
        Assert.Equal(rows.Order(), File.ReadAllLines(results).Order());
        Assert.Equal(TablesOf(first), TablesOf(again));
    }

    /// <summary>What a run shows behind its progress.</summary>
    private static string TablesOf(ToolRun run) => run.Output[run.Output.IndexOf("policies", StringComparison.Ordinal)..];

    [Theory]
    [InlineData("did you mean hotspot?", "replay", "hotspt")]
    [InlineData("use none, random, sequential", "replay", "triad", "--prefetch", "nothing")]
    [InlineData("leave one of them out", "replay", "triad", "--device-memory", "1M", "--oversubscription", "2")]
    [InlineData("write 1.25 or 125%", "replay", "triad", "--oversubscription", "lots")]
    [InlineData("use uvm-smart, pcie4", "replay", "triad", "--cost-model", "pcie9")]
    [InlineData("use at least 64 KiB", "replay", "triad", "--size", "1K")]
    [InlineData("take a smaller size", "replay", "gups", "--size", "8G")]
    [InlineData("give a file in an existing folder", "replay", "triad", "--log", "/nowhere/at/all")]
    [InlineData("use unused, fault-order", "compare", "--evict", "unused,first")]
    [InlineData("did you mean srad?", "compare", "sradd")]
    public void WhatCannotBeUsedIsRefusedWithTheRemedy(string remedy, params string[] arguments)
    {
        var run = ToolRun.Of(arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(remedy, run.Error, StringComparison.Ordinal);
    }
}
