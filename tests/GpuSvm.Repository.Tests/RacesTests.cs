// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>docs/races.md has every race once, draws it, and names tests that exist, that say which race they force, and that run on real memory, or says why not.</summary>
public sealed partial class RacesTests
{
    private const int Races = 30;
    private const string Suites = "tests/GpuSvm.Conformance/Races";

    private static readonly string[] _backends = ["tests/GpuSvm.Core.Tests/SimulatedRaces.cs", "tests/GpuSvm.Linux.Tests/Conformance/UserfaultRaces.cs"];

    private static readonly string[] _sections = [.. RepositoryFiles.Read("docs/races.md").Split("\n## ")[1..]];

    [Fact]
    public void EveryRaceIsThereOnceAndInOrder() =>
        Assert.Equal(Enumerable.Range(1, Races).Select(number => $"R-{number}"), _sections.Select(section => section.Split(':')[0]));

    [Fact]
    public void EveryRaceIsDrawnAndHasAnOutcomeAndTests() => RepositoryFiles.AssertNone(
        "a race needs a drawing, an outcome and a line of tests",
        _sections.Where(section => section.Split("```").Length != 3 || !section.Contains("\nOutcome: ", StringComparison.Ordinal) || TestsOf(section).Length == 0).Select(Number));

    [Fact]
    public void EveryTestThatIsNamedExists() => RepositoryFiles.AssertNone(
        "docs/races.md names a test that does not exist",
        _sections.SelectMany(section => Names(section).Where(name => Summary(name) is null).Select(name => $"{Number(section)} {name}")));

    [Fact]
    public void ATestSaysWhichRaceItForces() => RepositoryFiles.AssertNone(
        "none of the tests named for a race begins its comment with the race's number",
        _sections.Where(section => !Names(section).Any(name => Summary(name)?.StartsWith(Number(section) + ": ", StringComparison.Ordinal) == true)).Select(Number));

    [Fact]
    public void EveryRaceIsForcedOnRealMemoryOrThePageSaysWhyNot() => RepositoryFiles.AssertNone(
        "a race is neither tested on real memory nor excused",
        _sections.Where(section => !Named().Matches(TestsOf(section)).Any(match => IsOnBoth(match)) && !TestsOf(section).Contains("not on real memory: ", StringComparison.Ordinal)).Select(Number));

    [Fact]
    public void WhatIsSaidToRunOnBothMemoriesDoes() => RepositoryFiles.AssertNone(
        "a suite has no class for simulated or for real memory",
        _sections.SelectMany(section => Named().Matches(TestsOf(section)).Where(IsOnBoth).Select(match => match.Groups["suite"].Value)).Distinct().Where(suite =>
            !_backends.All(file => RepositoryFiles.Read(file).Contains($" : {suite}\n", StringComparison.Ordinal))));

    [Fact]
    public void ATestThatIsNotThereIsFound() => Assert.Null(Summary("PublicationRaces.NoSuchTest"));

    /// <summary>The number of a section.</summary>
    private static string Number(string section) => section.Split(':')[0];

    /// <summary>The line of tests of a section; empty if there is none.</summary>
    private static string TestsOf(string section) => section.Split('\n').FirstOrDefault(line => line.StartsWith("Tests: ", StringComparison.Ordinal)) ?? "";

    /// <summary>The tests that a section names.</summary>
    private static IEnumerable<string> Names(string section) => Named().Matches(TestsOf(section)).Select(match => $"{match.Groups["suite"].Value}.{match.Groups["test"].Value}");

    /// <summary>Whether a test is said to run on both memories.</summary>
    private static bool IsOnBoth(Match named) => named.Groups["where"].Value.StartsWith("simulated, real", StringComparison.Ordinal);

    /// <summary>The comment of a test, without its tags; null if there is no such test.</summary>
    private static string? Summary(string name)
    {
        string[] parts = name.Split('.');
        string path = $"{Suites}/{parts[0]}.cs";
        if (!RepositoryFiles.Exists(path))
            return null;
        string text = RepositoryFiles.Read(path);
        int declaration = text.IndexOf($" void {parts[1]}(", StringComparison.Ordinal);
        if (declaration < 0)
            return null;
        const string Tag = "/// <summary>";
        int comment = text.LastIndexOf(Tag, declaration, StringComparison.Ordinal);
        return comment < 0 ? "" : text[(comment + Tag.Length)..declaration].Split('\n')[0];
    }

    /// <summary>A test in a line of tests, and where it runs.</summary>
    [GeneratedRegex(@"`(?<suite>\w+)\.(?<test>\w+)` \((?<where>[^)]*)\)")]
    private static partial Regex Named();
}
