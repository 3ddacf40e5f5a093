// SPDX-License-Identifier: MIT
using System.Runtime.Versioning;
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>
/// The protocol's model in model/ has the verdicts that docs/model.md says, whole and with each step of it taken out in turn; and the members of the code that the
/// page names exist. Each run is a compilation of a second and a search of seconds.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class ModelTests : IDisposable
{
    private const string CountedWith = "Spin Version 6.5.2"; // The states on the page are this version's.
    private static readonly string[] _verdicts = ["holds", "assertion", "deadlock", "livelock"];
    private static readonly string[][] _rows = [.. new MarkdownFile("docs/model.md").Rows()];

    private readonly string _folder = Directory.CreateTempSubdirectory("gpusvm-model-").FullName;

    /// <summary>The runs: name, races, flags, formula, verdict, states.</summary>
    private static IEnumerable<string[]> RunRows => _rows.Where(row => row.Length == 6 && _verdicts.Contains(row[4]));

    /// <summary>What is broken on purpose: name, what, run, verdict.</summary>
    private static IEnumerable<string[]> BrokenRows => _rows.Where(row => row.Length == 4 && _verdicts.Contains(row[3]));

    /// <summary>Each run's name, for one test each.</summary>
    public static TheoryData<string> Runs => [.. RunRows.Select(row => row[0])];

    /// <summary>Each break with its run, for one test each.</summary>
    public static TheoryData<string, string> Breaks
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string[] row in BrokenRows)
                data.Add(row[0], row[2]);
            return data;
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Runs))]
    public void ARunHasItsVerdictAndItsStates(string name)
    {
        string[] run = RunRows.Single(row => row[0] == name);
        (string verdict, string states, string said) = Search(run[2], run[3]);
        Assert.True(run[4] == verdict, $"{name} is said to be '{run[4]}' and is '{verdict}':\n{said}");
        if (ProgramRun.Run("spin", _folder, "-V").StartsWith(CountedWith, StringComparison.Ordinal))
            Assert.Equal((name, run[5].Replace(",", "", StringComparison.Ordinal)), (name, states));
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void ABrokenProtocolIsFound(string name, string on)
    {
        string[] run = RunRows.Single(row => row[0] == on);
        string expected = BrokenRows.Single(row => row[0] == name && row[2] == on)[3];
        (string verdict, _, string said) = Search($"{run[2]} -DBREAK_{name}", run[3]);
        Assert.True(expected == verdict, $"{name} on {on} is said to be '{expected}' and is '{verdict}':\n{said}");
    }

    [Fact]
    public void ThePageNamesEveryBreakOfTheModelAndNoOther() => Assert.Equal(
        Break().Matches(Model()).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal),
        BrokenRows.Select(row => row[0]).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void MembersThatStandForTheModelExist() => RepositoryFiles.AssertNone(
        "docs/model.md names what src does not have", Correspondence().SelectMany(row => SourceNames.In(row[1]).Where(name => !SourceNames.Exists(name, "src"))));

    [Fact]
    public void PartsOfTheModelThatThePageNamesExist()
    {
        string model = Model();
        Assert.NotEmpty(Correspondence());
        RepositoryFiles.AssertNone("docs/model.md names what model/ does not have", Correspondence().SelectMany(row =>
            SourceNames.In(row[0].Split(':')[0]).Where(name => !Regex.IsMatch(model, $@"(inline|proctype|#define) {name}\("))));
    }

    /// <summary>The rows that say where the model is in the code.</summary>
    private static IEnumerable<string[]> Correspondence() => _rows.SkipWhile(row => row[0] != "model").Skip(1).TakeWhile(row => row.Length == 2);

    /// <summary>The text of the whole model.</summary>
    private static string Model() => string.Concat(RepositoryFiles.Find("*.pml", "model").Select(RepositoryFiles.Read));

    /// <summary>Searches the model.</summary>
    /// <param name="flags">Its bounds and parties, and what is broken.</param>
    /// <param name="formula">What must come about; empty for assertions and deadlocks.</param>
    /// <returns>The verdict, the states stored, and all that the search said.</returns>
    private (string Verdict, string States, string Said) Search(string flags, string formula)
    {
        SkipWithout("spin");
        SkipWithout("gcc");
        string[] progress = formula.Length == 0 ? [] : ["-DPROGRESS"];
        string[] kind = formula.Length == 0 ? ["-DSAFETY"] : ["-DNFAIR=3"];
        string[] search = formula.Length == 0 ? [] : ["-a", "-f", "-N", formula];
        _ = ProgramRun.Run("spin", _folder, ["-a", .. flags.Split(' '), .. progress, RepositoryFiles.Path("model/svm.pml")]);
        _ = ProgramRun.Run("gcc", _folder, ["-O0", "-w", .. kind, "-DCOLLAPSE", "-DVECTORSZ=512", "-o", "pan", "pan.c"]); // Compiling takes longer than searching.
        string said = ProgramRun.Run(Path.Combine(_folder, "pan"), _folder, ["-w20", "-m20000", "-n", .. search]);
        string verdict = said.Contains("assertion violated", StringComparison.Ordinal) ? "assertion"
            : said.Contains("invalid end state (at", StringComparison.Ordinal) ? "deadlock"
            : said.Contains("acceptance cycle (at", StringComparison.Ordinal) ? "livelock"
            : said.Contains("errors: 0", StringComparison.Ordinal) && !said.Contains("error:", StringComparison.Ordinal) && !said.Contains("Search not completed", StringComparison.Ordinal) ? "holds" : "not completed";
        return (verdict, Stored().Match(said).Groups[1].Value, said);
    }

    /// <summary>Skips the test where a program is missing.</summary>
    private static void SkipWithout(string program) => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program))), $"needs {program}: apt-get install {program}");

    [GeneratedRegex(@"BREAK_(\w+)")]
    private static partial Regex Break();

    [GeneratedRegex(@"(\d+) states, stored")]
    private static partial Regex Stored();
}
