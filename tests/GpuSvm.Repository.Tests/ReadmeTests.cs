// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>What the README shows is what the repository holds.</summary>
public sealed partial class ReadmeTests
{
    private static readonly MarkdownFile _readme = new("README.md");

    [Theory]
    [InlineData("README.md", "csharp", "samples/squares/Program.cs")]
    [InlineData("README.md", "c", "samples/c/squares.c")]
    [InlineData("src/GpuSvm/README.md", "csharp", "samples/squares/Program.cs")]
    public void TheExamplesAreTheSamples(string readme, string language, string sample)
    {
        (IReadOnlyList<string> code, int line) = Assert.Single(new MarkdownFile(readme).CodeBlocks(language));
        string[] expected = RepositoryFiles.Read(sample).TrimEnd('\n').Split('\n')[1..];
        Assert.True(expected.SequenceEqual(code), $"{readme}:{line} must show {sample} without its licence line");
    }

    [Fact]
    public void TheFirstTwoCommandsAreRunAndTest() => Assert.Equal(["./gpusvm run", "./gpusvm test"], Commands().Take(2));

    [Fact]
    public void TheOutputShownIsARealRun()
    {
        (IReadOnlyList<string> code, int line) = _readme.CodeBlocks("").First();
        Assert.True(code.Count >= 5 && code.Any(text => text.Contains("bfs", StringComparison.Ordinal)), $"README.md:{line} must show what ./gpusvm run prints");
    }

    [Fact]
    public void EveryCommandAndOptionExists()
    {
        IReadOnlyList<string> sources = RepositoryFiles.Find("*.cs", "src/GpuSvm.Cli");
        if (sources.Count == 0)
            Assert.Skip("src/GpuSvm.Cli has no sources");
        string tool = string.Concat(sources.Select(RepositoryFiles.Read)) + RepositoryFiles.Read("gpusvm").Replace("    build)", "\"build\"", StringComparison.Ordinal).Replace("    test)", "\"test\"", StringComparison.Ordinal);
        string[] commands = [.. Commands()];
        Assert.True(commands.Length >= 5, "the README's commands were not found");
        RepositoryFiles.AssertNone(
            "The README shows what the tool does not know",
            from command in commands
            let words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            from word in words.Where((word, index) => index > 0 && !words[index - 1].StartsWith("--", StringComparison.Ordinal)) // Not the values of options.
            where ToolWord().IsMatch(word) && word != "--help" && !tool.Contains($"\"{word}\"", StringComparison.Ordinal)
            select $"README.md: {word} in: {command}");
    }

    /// <summary>The gpusvm commands in shell blocks, without comments.</summary>
    private static IEnumerable<string> Commands() =>
        from block in _readme.CodeBlocks("sh")
        from line in block.Code
        where line.StartsWith("./gpusvm ", StringComparison.Ordinal)
        select line.Split('#')[0].TrimEnd();

    [GeneratedRegex("^(--)?[a-z][a-z-]+$")]
    private static partial Regex ToolWord();
}
