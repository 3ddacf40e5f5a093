// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Races;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Reporting;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Pages of reports: complete, from nowhere else, and good in a browser.</summary>
[Collection("explorer")]
public sealed partial class ReportPageTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"gpusvm-page-{Guid.NewGuid():N}.gsvmtrace");

    /// <inheritdoc/>
    public void Dispose() => File.Delete(_path);

    [Fact]
    public void ThePageOfARunSaysWhatTheExplanationSays()
    {
        Explanation explanation = TraceExamples.Explain(_path, TraceExamples.Write);
        string page = Write(explanation);
        Assert.All(explanation.Findings, found => Assert.Contains(Wording.Html.Escape(found.What), page, StringComparison.Ordinal));
        Assert.All(explanation.Trials, trial => Assert.Contains(Wording.Html.Escape(trial.Suggestions[0].Text), page, StringComparison.Ordinal));
        Assert.Contains("GPU fault", page, StringComparison.Ordinal);
        Assert.Contains("<td>left</td><td class=\"words\">right</td>", page, StringComparison.Ordinal);
        AssertOffline(page);
    }

    [Fact]
    public void ThePageOfARunIsGoodInABrowser()
    {
        string page = Write(TraceExamples.Explain(_path, TraceExamples.Write), new RacePicture("R-01", Race()));
        Assert.Equal("", Chromium.Faults(page));
        Assert.Equal("", Chromium.Faults(page, 700));
    }

    [Theory]
    [InlineData("hotspot", 1.25, 2)]
    [InlineData("bfs", 1.0, 1)]
    [InlineData("llm", 1.5, 2)]
    public void ThePageOfAReplayIsGoodInABrowser(string name, double oversubscription, int iterations)
    {
        var settings = new ReplaySettings { Oversubscription = oversubscription, Policies = new ReplayPolicies { Chunk = "64K" } };
        string page = Write(Explainer.Explain(() => WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = 2 << 20, Iterations = iterations }), settings, 0, _ => { }));
        AssertOffline(page);
        Assert.Equal("", Chromium.Faults(page));
    }

    [Fact]
    public void NamesFullOfTricksAreShownAsTheyAre()
    {
        Explanation tricky = TraceExamples.Explain(_path, sink =>
        {
            AddressRange array = TraceExamples.Map(sink, "</script><script>alert(1)</script> \" & a name that is far too long for any label", 0, 1 << 20);
            sink.Kernel(new TraceKernel(0, 0, false, "void gemm<float, 128>(T&, \"x\")") { Time = 1000 });
            TraceExamples.Bring(sink, array, 90_000);
        });
        string page = Write(tricky);
        Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
        Assert.Equal("", Chromium.Faults(page));
    }

    [Fact]
    public void ThePageOfAStudyHasATableForEachWorkloadAndIsGoodInABrowser()
    {
        var plan = new StudyPlan { Workloads = ["hotspot", "gups"], SizeBytes = 1 << 20, Oversubscriptions = [1, 1.5], Seeds = 2 };
        IReadOnlyList<StudyRow> rows = Study.Run([.. plan.Cells()], [], cell => WorkloadKinds.Find(cell.Workload)!.Create(new WorkloadOptions { Bytes = cell.SizeBytes, Seed = (ulong)cell.Seed }), 1, _ => { }, CancellationToken.None);
        using var writer = new StringWriter();
        StudyPage.Write(writer, "a study", [.. rows, new StudyRow(rows[0].Cell with { Workload = "gone" }, null, "no such <trace>")]);
        string page = writer.ToString();
        Assert.Equal(5, Caption().Count(page));
        Assert.Contains("no such &lt;trace&gt;", page, StringComparison.Ordinal);
        Assert.True(rows.Count(row => row.Cell.Seed == 1) <= page.Split("<td class=\"bar\">").Length - 1);
        AssertOffline(page);
        Assert.Equal("", Chromium.Faults(page));
        Assert.Equal("", Chromium.Faults(page, 600));
    }

    /// <summary>The page of a race.</summary>
    private static string Race()
    {
        using var writer = new StringWriter();
        RacePage.Write(writer, RaceExamples.Replay("R-01", "m3:1"));
        return writer.ToString();
    }

    /// <summary>Writes the page of an explanation.</summary>
    private static string Write(Explanation explanation, params RacePicture[] races)
    {
        using var writer = new StringWriter();
        ReportPage.Write(writer, explanation, races);
        return writer.ToString();
    }

    /// <summary>Nothing is fetched: addresses are of the page itself, or hold what they stand for.</summary>
    private static void AssertOffline(string page)
    {
        Assert.DoesNotContain("http", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("url(", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", page, StringComparison.OrdinalIgnoreCase);
        Assert.All(Address().Matches(page), found => Assert.True(found.Groups[1].Value.StartsWith('#') || found.Groups[1].Value.StartsWith("data:image/png;base64,", StringComparison.Ordinal), found.Value));
    }

    [GeneratedRegex("\\s(?:src|href)=\"([^\"]{0,60})")]
    private static partial Regex Address();

    [GeneratedRegex("<caption>")]
    private static partial Regex Caption();
}
