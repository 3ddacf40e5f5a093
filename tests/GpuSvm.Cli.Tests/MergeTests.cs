// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Studies;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm compare` in shares: together they are the study in one piece, and what does not belong together is refused.</summary>
public sealed class MergeTests : IDisposable
{
    private static readonly string[] _study = ["compare", "triad", "gups", "--size", "256K", "--oversubscription", "1,1.5", "--cost-model", "pcie4,xe", "--prefetch", "none,tree", "--evict", "fifo,random", "--seeds", "2"];

    private readonly TemporaryFolder _folder = new();

    /// <summary>The folder of results, with its slash.</summary>
    private string Results => _folder.Path + "/results/";

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SharesMergedAreTheStudyInOnePiece()
    {
        RunShares(3);
        Assert.Equal(["share-1-of-3.parquet", "share-2-of-3.parquet", "share-3-of-3.parquet"], Parquets().Select(Path.GetFileName));
        Assert.Equal(Run([.. _study, "--json", "-"]).Output, Run("compare", "--merge", Results, "--json", "-").Output);
        var csv = _folder.Path + "/merged.csv";
        var whole = Run([.. _study, "--csv", _folder.Path + "/whole.csv"]);
        var merged = Run("compare", "--merge", $"{Results}*-of-3.parquet", "--csv", csv);
        Assert.Equal(TablesOf(whole), TablesOf(merged));
        Assert.Equal(File.ReadAllText(_folder.Path + "/whole.csv"), File.ReadAllText(csv));
    }

    [Fact]
    public void MoreSharesThanReplaysAreFilesToo()
    {
        string[] study = ["compare", "triad", "--size", "64K", "--oversubscription", "1", "--evict", "fifo", "--prefetch", "none,tree"];
        for (var share = 1; share <= 4; share++)
            Run([.. study, "--share", $"{share}/4", "--results", Results]);
        Assert.Equal(Run([.. study, "--json", "-"]).Output, Run("compare", "--merge", Results, "--json", "-").Output);
    }

    [Fact]
    public void AShareThatIsMissingIsNamed()
    {
        RunShares(4);
        File.Delete(Results + "share-2-of-4.parquet");
        File.Delete(Results + "share-4-of-4.parquet");
        Refused("32 of 64 cells are missing: of share 2/4, 4/4; run the same command with --share 2/4", "compare", "--merge", Results);
    }

    [Fact]
    public void WhatIsThereTwiceAlikeCountsOnceAndIsTold()
    {
        RunShares(2);
        File.Copy(Results + "share-1-of-2.parquet", Results + "copy.parquet");
        var run = ToolRun.Of("compare", "--merge", Results, "--json", "-");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("32 rows are in several files, alike", run.Error, StringComparison.Ordinal);
        Assert.Equal(Run([.. _study, "--json", "-"]).Output, run.Output);
    }

    [Fact]
    public void RowsThatContradictEachOtherAreRefused()
    {
        RunShares(2);
        var part = MergingContext.Load().Read([Results + "share-1-of-2.parquet"])[0];
        var wrong = part.Rows.Select((row, index) => index == 5 ? (row.Index, row.Row with { Result = row.Row.Result! with { Batches = 7_777_777 } }) : row).ToArray();
        StudyParquet.Write(Results + "wrong.parquet", part.Origin, wrong);
        Refused("contradict each other", "compare", "--merge", Results);
        Refused("batches is", "compare", "--merge", Results);
    }

    [Fact]
    public void WhatFailedIsReplacedByAResult()
    {
        RunShares(2);
        var part = MergingContext.Load().Read([Results + "share-1-of-2.parquet"])[0];
        StudyParquet.Write(Results + "a-failed.parquet", part.Origin, [.. part.Rows.Select(row => (row.Index, new StudyRow(row.Row.Cell, null, "no room")))]);
        Assert.Equal(Run([.. _study, "--json", "-"]).Output, Run("compare", "--merge", Results, "--json", "-").Output);
        File.Delete(Results + "share-1-of-2.parquet");
        var failed = ToolRun.Of("compare", "--merge", Results, "--json", "-");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("no room", failed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherVersionsAndOtherStudiesAreRefused()
    {
        RunShares(2);
        var part = MergingContext.Load().Read([Results + "share-1-of-2.parquet"])[0];
        Assert.Equal(StudyFingerprint.Version, part.Origin.Version);
        StudyParquet.Write(Results + "share-1-of-2.parquet", part.Origin with { Version = "0.0.9" }, part.Rows);
        Refused("different versions of the tool, 0.0.9 and", "compare", "--merge", Results);
        StudyParquet.Write(Results + "share-1-of-2.parquet", part.Origin, part.Rows);
        string[] other = [.. _study[..^1], "3"];
        Run([.. other, "--share", "1/2", "--results", _folder.Path + "/other.parquet"]);
        Refused("different studies", "compare", "--merge", Results, _folder.Path + "/other.parquet");
    }

    [Fact]
    public void WhatIsNoFileOfResultsIsNamed()
    {
        var text = _folder.Write("rows.parquet", "PAR1 but not really");
        Refused($"{text}: no results of a study, or damaged", "compare", "--merge", text);
        Refused("no such file or folder", "compare", "--merge", "/nowhere/at/all.parquet");
        Refused("has no *.parquet", "compare", "--merge", _folder.Path + "/" + Path.GetFileName(Directory.CreateDirectory(_folder.Path + "/empty").FullName));
        Refused("leave triad out", "compare", "triad", "--merge", text);
        Refused("leave --seeds out", "compare", "--seeds", "2", "--merge", text);
        Refused("is kept nowhere", "compare", "triad", "--share", "1/2");
        RunShares(1);
        File.WriteAllBytes(Results + "cut.parquet", File.ReadAllBytes(Results + "share-1-of-1.parquet")[..^40]);
        Refused("cut.parquet: no results of a study, or damaged", "compare", "--merge", Results);
    }

    [Fact]
    public void AShareThatWasStoppedGoesOnAndIsAFileOnlyWhenItIsWhole()
    {
        string[] share = [.. _study, "--share", "1/2", "--results", Results];
        Run(share);
        var lines = File.ReadAllLines(Results + "share-1-of-2.jsonl");
        var whole = MergingContext.Load().Read([Results + "share-1-of-2.parquet"])[0];
        File.Delete(Results + "share-1-of-2.parquet");
        File.WriteAllLines(Results + "share-1-of-2.jsonl", lines[..20]); // As after an end in the middle.
        Assert.Contains("share 1/2 (--share): 32 of 64 replays, 20 of them known", Run(share).Output, StringComparison.Ordinal);
        var again = MergingContext.Load().Read([Results + "share-1-of-2.parquet"])[0];
        Assert.Equal(whole.Rows.Select(Comparable), again.Rows.Select(Comparable));

        // Rows of another version do not count.
        File.WriteAllLines(Results + "share-1-of-2.jsonl", lines.Select((line, index) => index < 12 ? line.Replace("\"made_by\":\"", "\"made_by\":\"0.0.9 of ", StringComparison.Ordinal) : line));
        Assert.Contains("20 of them known", Run(share).Output, StringComparison.Ordinal);
    }

    /// <summary>A row as something that is equal where its figures are.</summary>
    private static string Comparable((int Index, StudyRow Row) row) => $"{row.Index} {row.Row.Cell} {string.Join(' ', StudyFigure.All.Select(figure => figure.Of(row.Row.Result ?? new ReplayResult())))}";

    /// <summary>The Parquet files of the folder.</summary>
    private IEnumerable<string> Parquets() => Directory.GetFiles(Results, "*.parquet").Order(StringComparer.Ordinal);

    /// <summary>Runs the study in so many shares.</summary>
    private void RunShares(int count)
    {
        for (var share = 1; share <= count; share++)
            Run([.. _study, "--share", $"{share}/{count}", "--results", Results]);
    }

    /// <summary>A call that must end well.</summary>
    private static ToolRun Run(params string[] arguments) => Run(arguments, 0);

    /// <summary>A call that must end with a code.</summary>
    private static ToolRun Run(string[] arguments, int expected)
    {
        var run = ToolRun.Of(arguments);
        Assert.True(run.ExitCode == expected, run.Error + run.Output);
        return run;
    }

    /// <summary>A call that must be refused with a sentence.</summary>
    private static void Refused(string sentence, params string[] arguments) => Assert.Contains(sentence, Run(arguments, 2).Error, StringComparison.Ordinal);

    /// <summary>What a run shows behind its progress.</summary>
    private static string TablesOf(ToolRun run) => run.Output[run.Output.IndexOf("policies", StringComparison.Ordinal)..];
}
