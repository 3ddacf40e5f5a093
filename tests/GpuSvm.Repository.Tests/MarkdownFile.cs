// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>One Markdown file: its links, headings, tables and code blocks, as far as the tests need them.</summary>
/// <param name="path">Its path from the root.</param>
public sealed partial class MarkdownFile(string path)
{
    private readonly string[] _lines = RepositoryFiles.Read(path).Split('\n');

    /// <summary>The path from the root.</summary>
    public string Path { get; } = path;

    /// <summary>All Markdown files of the repository.</summary>
    public static IReadOnlyList<MarkdownFile> All() =>
        [new MarkdownFile("README.md"), .. RepositoryFiles.Find("*.md", "docs", "samples", "src", "tests", "bench").Select(file => new MarkdownFile(file))];

    /// <summary>The targets of all links outside code, with their lines.</summary>
    public IEnumerable<(string Target, int Line)> Links() =>
        from line in Prose()
        from Match match in Link().Matches(InlineCode().Replace(line.Text, "``"))
        select (match.Groups[1].Value, line.Number);

    /// <summary>The anchors that headings make, as GitHub spells them.</summary>
    public IReadOnlySet<string> Anchors() => Prose()
        .Where(line => Heading().IsMatch(line.Text))
        .Select(line => NotInAnchor().Replace(Heading().Replace(line.Text, "").Trim().ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet();

    /// <summary>The text of each heading.</summary>
    public IEnumerable<string> Headings() => Prose().Where(line => Heading().IsMatch(line.Text)).Select(line => Heading().Replace(line.Text, "").Trim());

    /// <summary>The rows of all tables as cells without back quotes, head rows included.</summary>
    public IEnumerable<string[]> Rows() =>
        from line in Prose()
        where line.Text.StartsWith('|') && !line.Text.StartsWith("|---", StringComparison.Ordinal)
        select line.Text.Trim().Trim('|').Split('|').Select(cell => cell.Trim().Trim('`')).ToArray();

    /// <summary>The code blocks of one language, each as its lines.</summary>
    /// <param name="language">What stands behind the fence.</param>
    public IEnumerable<(IReadOnlyList<string> Code, int Line)> CodeBlocks(string language)
    {
        for (int line = 0; line < _lines.Length; line++)
        {
            if (!_lines[line].StartsWith("```", StringComparison.Ordinal))
                continue;
            int end = Array.FindIndex(_lines, line + 1, text => text.StartsWith("```", StringComparison.Ordinal));
            Assert.True(end > 0, $"{Path}:{line + 1} a code block has no end");
            if (_lines[line] == "```" + language)
                yield return (_lines[(line + 1)..end], line + 1);
            line = end;
        }
    }

    /// <summary>The lines outside code blocks, numbered from 1.</summary>
    private IEnumerable<(string Text, int Number)> Prose()
    {
        bool code = false;
        for (int line = 0; line < _lines.Length; line++)
        {
            bool fence = _lines[line].StartsWith("```", StringComparison.Ordinal);
            code ^= fence;
            if (!code && !fence)
                yield return (_lines[line], line + 1);
        }
    }

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex InlineCode();

    [GeneratedRegex("^#{1,6} ")]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
