// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>The documentation points at things that exist, and the code cites documentation that exists.</summary>
public sealed partial class DocumentationTests
{
    private static readonly IReadOnlyList<MarkdownFile> _files = MarkdownFile.All();
    private static readonly string[] _decisionHeadings = ["Context", "Choice", "Cost"];
    private static readonly IReadOnlyList<string> _code = RepositoryFiles.Find("*.*", "src", "tests", "samples", "bench");

    [Fact]
    public void EveryLinkLeadsToAFileAndAHeading()
    {
        var links = _files.SelectMany(file => file.Links().Select(link => (File: file, link.Target, link.Line))).Where(link => !link.Target.Contains("://", StringComparison.Ordinal)).ToList();
        Assert.True(links.Count >= 30, $"only {links.Count} links found");
        RepositoryFiles.AssertNone("A link leads nowhere", links.Where(link => !Resolves(link.File, link.Target)).Select(link => $"{link.File.Path}:{link.Line} {link.Target}"));
    }

    [Fact]
    public void TheMapListsEveryDocument()
    {
        HashSet<string> listed = [.. new MarkdownFile("docs/README.md").Links().Select(link => link.Target)];
        RepositoryFiles.AssertNone(
            "docs/README.md must list the document",
            RepositoryFiles.Find("*.md", "docs").Select(file => file["docs/".Length..]).Where(file => file != "README.md" && !file.StartsWith("adr/", StringComparison.Ordinal) && !listed.Contains(file)));
        Assert.Contains("adr/", listed);
    }

    [Fact]
    public void EveryDocumentThatCodeNamesIsThere() => RepositoryFiles.AssertNone(
        "The document does not exist",
        from file in _code
        where Path.GetExtension(file) is ".cs" or ".h" or ".c" or ".csproj"
        from Match match in DocumentName().Matches(RepositoryFiles.Read(file))
        where !RepositoryFiles.Exists(match.Value)
        select $"{file} {match.Value}");

    [Fact]
    public void EveryRaceThatIsCitedIsDescribed() => AssertCitationsExist(RaceNumber(), Numbered("docs/races.md", RaceNumber()), "docs/races.md has no such race", atLeast: 3);

    [Fact]
    public void EveryInvariantThatIsCitedIsDescribed() => AssertCitationsExist(InvariantNumber(), Numbered("docs/invariants.md", InvariantNumber()), "docs/invariants.md has no such invariant", atLeast: 2);

    [Fact]
    public void EveryRuleThatIsCitedIsDescribed() => AssertCitationsExist(RuleNumber(), Numbered("docs/real-memory.md", ListNumber()), "docs/real-memory.md has no such rule", atLeast: 2);

    [Fact]
    public void EveryDecisionThatIsCitedIsThere() => AssertCitationsExist(
        DecisionNumber(),
        RepositoryFiles.Find("*.md", "docs/adr").Select(file => int.Parse(Path.GetFileName(file)[..4], null)).Where(number => number > 0).ToHashSet(),
        "docs/adr has no such decision",
        atLeast: 0);

    [Fact]
    public void EveryDecisionSaysContextChoiceAndCost() => RepositoryFiles.AssertNone(
        "A decision needs the headings Context, Choice and Cost, and a title with its number",
        from file in RepositoryFiles.Find("*.md", "docs/adr").Select(file => new MarkdownFile(file))
        let headings = file.Headings().ToList()
        let number = int.Parse(Path.GetFileName(file.Path)[..4], null)
        where !_decisionHeadings.All(headings.Contains) || (number > 0 && !headings[0].StartsWith($"ADR {number}: ", StringComparison.Ordinal))
        select file.Path);

    [Fact]
    public void FindsACitationOfSomethingThatIsNotThere() =>
        Assert.Equal([2], Missing("a (R-1)\nb (R-99), HTTPS-R-7x\n", RaceNumber(), new HashSet<int> { 1 }).Select(found => found.Line));

    /// <summary>Whether a link's target exists, and its heading too if it names one.</summary>
    private static bool Resolves(MarkdownFile from, string target)
    {
        string[] parts = target.Split('#', 2);
        string path = parts[0].Length == 0 ? from.Path : Path.GetRelativePath(RepositoryFiles.Root, Path.GetFullPath(Path.Combine(RepositoryFiles.Path(from.Path), "..", parts[0])));
        if (!RepositoryFiles.Exists(path))
            return false;
        return parts.Length == 1 || (path.EndsWith(".md", StringComparison.Ordinal) && new MarkdownFile(path.Replace('\\', '/')).Anchors().Contains(parts[1]));
    }

    /// <summary>The numbers that a document gives: in headings, in the first cells of tables, or in front of list items.</summary>
    private static HashSet<int> Numbered(string document, Regex number)
    {
        var file = new MarkdownFile(document);
        IEnumerable<string> texts = number == ListNumber() ? RepositoryFiles.Read(document).Split('\n') : file.Headings().Concat(file.Rows().Select(cells => cells[0]));
        HashSet<int> numbers = [.. from text in texts from Match match in number.Matches(text) select int.Parse(match.Groups[1].Value, null)];
        Assert.True(numbers.Count >= 10, $"{document}: only {numbers.Count} entries found");
        return numbers;
    }

    /// <summary>Fails if a source file cites a number that is not there, or if suspiciously few cite any.</summary>
    private static void AssertCitationsExist(Regex citation, IReadOnlySet<int> known, string rule, int atLeast)
    {
        var texts = _code.Where(file => Path.GetExtension(file) is ".cs" or ".h" or ".c" && !file.Contains("GpuSvm.Repository.Tests", StringComparison.Ordinal))
            .Select(file => (File: file, Text: RepositoryFiles.Read(file))).ToList();
        int cited = texts.Sum(file => citation.Count(file.Text));
        Assert.True(cited >= atLeast, $"only {cited} citations found: does the pattern still fit?");
        RepositoryFiles.AssertNone(rule, texts.SelectMany(file => Missing(file.Text, citation, known).Select(missing => $"{file.File}:{missing.Line} {missing.Citation}")));
    }

    /// <summary>The citations in a text whose number is not known, with their lines.</summary>
    private static IEnumerable<(int Line, string Citation)> Missing(string text, Regex citation, IReadOnlySet<int> known) =>
        from line in text.Split('\n').Select((content, index) => (Content: content, Number: index + 1))
        from Match match in citation.Matches(line.Content)
        where !known.Contains(int.Parse(match.Groups[1].Value, null))
        select (line.Number, match.Value);

    [GeneratedRegex(@"\bdocs/[\w/-]+\.md\b")]
    private static partial Regex DocumentName();

    [GeneratedRegex(@"\bR-(\d+)\b")]
    private static partial Regex RaceNumber();

    [GeneratedRegex(@"\bINV-(\d+)\b")]
    private static partial Regex InvariantNumber();

    [GeneratedRegex(@"real-memory\.md,? rules? (\d+)")]
    private static partial Regex RuleNumber();

    [GeneratedRegex(@"^(\d+)\. \*\*", RegexOptions.Multiline)]
    private static partial Regex ListNumber();

    [GeneratedRegex(@"\bADR (\d+)\b")]
    private static partial Regex DecisionNumber();
}
