// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm explain` and `gpusvm report`: what they say, what they write, and what they refuse.</summary>
public sealed class ExplainReportTests : IDisposable
{
    private static readonly string[] _small = ["--size", "1M", "--chunk", "64K", "--oversubscription", "1.25", "--threads", "1"];

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AnExplanationSaysWhatWhyWhatToTryAndWhatThatGives()
    {
        var run = ToolRun.Of(["explain", "hotspot", "--iterations", "3", .. _small]);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("What cost the most", Words(run), StringComparison.Ordinal);
        Assert.Contains("had to make room and came back", Words(run), StringComparison.Ordinal);
        Assert.Contains("Try:", run.Output, StringComparison.Ordinal);
        Assert.Contains("What replaying it gives", Words(run), StringComparison.Ordinal);
        Assert.Contains("--prefetch tree", run.Output, StringComparison.Ordinal);
        Assert.Contains("hurts", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void TheSameAsJsonHoldsTheFiguresOfTheReplay()
    {
        string[] machine = ["triad", .. _small];
        var run = ToolRun.Of(["explain", .. machine, "--json", "-"]);
        Assert.Equal("", run.Error);
        using var report = JsonDocument.Parse(run.Output);
        using var replay = JsonDocument.Parse(ToolRun.Of(["replay", .. machine[..^2], "--json", "-"]).Output);
        var root = report.RootElement;
        var before = root.GetProperty("before");
        foreach (var figure in (string[])["device_faults", "bytes_to_device", "modelled_nanoseconds"])
            Assert.Equal(replay.RootElement.GetProperty("result").GetProperty(figure).GetDouble(), before.GetProperty(figure).GetDouble());
        Assert.Equal(before.GetProperty("device_faults").GetInt64(), root.GetProperty("totals").GetProperty("device_faults").GetInt64());
        Assert.Contains(root.GetProperty("findings").EnumerateArray(), found => found.GetProperty("name").GetString() == "b");
        Assert.All(root.GetProperty("trials").EnumerateArray(), trial => Assert.Contains(trial.GetProperty("verdict").GetString(), (string[])["helps", "hurts", "no difference"]));
        Assert.Equal(run.Output, ToolRun.Of(["explain", .. machine, "--json", "-"]).Output);
    }

    [Fact]
    public void ThePageOfATraceStandsWhereItIsAskedForAndTakesRacesIn()
    {
        var trace = Path.Combine(_folder.Path, "run.gsvmtrace");
        Assert.Equal(0, ToolRun.Of("replay", "triad", "--size", "1M", "--log", trace, "-q").ExitCode);
        var race = _folder.Write("race.html", "<html><body><div class=\"race\">R</div></body></html>");
        var page = Path.Combine(_folder.Path, "page.html");
        var run = ToolRun.Of("report", trace, "-o", page, "--race", race, "--threads", "0");
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        var text = File.ReadAllText(page);
        Assert.Contains("As it was recorded", text, StringComparison.Ordinal);
        Assert.Contains("srcdoc=\"&lt;html&gt;", text, StringComparison.Ordinal);
        Assert.Contains("no page of a race", ToolRun.Of("report", trace, "-o", page, "--race", trace).Error, StringComparison.Ordinal);
        Assert.Contains("existing folder", ToolRun.Of("report", trace, "-o", Path.Combine(_folder.Path, "no", "page.html")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ATraceThatWasCutOffIsExplainedAsFarAsItGoesAndEndsWithOne()
    {
        var trace = Path.Combine(_folder.Path, "cut.gsvmtrace");
        using (var writer = TraceWriter.Create(trace, new TraceHeader { Source = "a test" }))
            WorkloadKinds.Find("triad")!.Create(new WorkloadOptions { Bytes = 1 << 20 }).Generate(writer);
        var run = ToolRun.Of("explain", trace, "--threads", "0");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("without the block", Words(run), StringComparison.Ordinal);
        Assert.Contains("What cost the most", Words(run), StringComparison.Ordinal);
        Assert.Equal(2, ToolRun.Of("explain", _folder.Write("no.txt", "no trace")).ExitCode);
    }

    [Fact]
    public void AStudyBecomesAPageFromItsRowsOrAtOnce()
    {
        var rows = Path.Combine(_folder.Path, "rows.jsonl");
        var (page, again) = (Path.Combine(_folder.Path, "a.html"), Path.Combine(_folder.Path, "b.html"));
        Assert.Equal(0, ToolRun.Of("compare", "triad", "--size", "1M", "--results", rows, "--report", page, "-q").ExitCode);
        Assert.Equal(0, ToolRun.Of("report", rows, "-o", again, "-q").ExitCode);
        Assert.Contains("<caption>triad, 125 % of device memory, uvm-smart</caption>", File.ReadAllText(page), StringComparison.Ordinal);
        Assert.Contains("64K tree/fault-order", File.ReadAllText(again), StringComparison.Ordinal);
        Assert.Contains("line 1 is no row of a study", ToolRun.Of("report", _folder.Write("bad.jsonl", "{]\n"), "-o", again).Error, StringComparison.Ordinal);
        Assert.Contains("has no row of a study", ToolRun.Of("report", _folder.Write("empty.jsonl", ""), "-o", again).Error, StringComparison.Ordinal);
    }

    /// <summary>What a run wrote, without its line ends: text is wrapped where the terminal ends.</summary>
    private static string Words(ToolRun run) => string.Join(' ', run.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
