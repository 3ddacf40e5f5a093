// SPDX-License-Identifier: MIT
using GpuSvm.Mutants;

namespace GpuSvm.Repository.Tests;

/// <summary>The bugs of the folder mutants still fit the sources. Looking for them takes minutes and is another program's: tests/GpuSvm.Mutants.</summary>
public sealed class MutantTests
{
    private static readonly string _folder = RepositoryFiles.Path("mutants");

    /// <summary>What a mutant replaces is in the sources exactly once, so that none has become another bug, or none.</summary>
    [Fact]
    public void EveryMutantFitsTheSources()
    {
        IReadOnlyList<Mutant> mutants = Mutant.ReadAll(_folder);
        Assert.NotEmpty(mutants);
        var wrong = new List<string>();
        foreach (Mutant mutant in mutants)
        {
            try
            {
                foreach ((string path, string text) in mutant.Apply(RepositoryFiles.Root))
                    Assert.NotEqual(File.ReadAllText(RepositoryFiles.Path(path)), text);
            }
            catch (FormatException message)
            {
                wrong.Add(message.Message);
            }
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    /// <summary>The page names every mutant and every row, so that it is not older than what it is made from.</summary>
    [Fact]
    public void ThePageNamesEveryMutantAndRow()
    {
        string page = File.ReadAllText(RepositoryFiles.Path("docs/history.md"));
        Assert.All(Mutant.ReadAll(_folder), mutant => Assert.Contains($"`{mutant.Id}`", page, StringComparison.Ordinal));
        Assert.All(File.ReadAllLines(RepositoryFiles.Path("mutants/rows.txt")), row => Assert.Contains($"| {row.Split('|')[0].Trim()} | ", page, StringComparison.Ordinal));
    }

    /// <summary>A mutant whose text is not in the source, or is there twice, says which, and what to do.</summary>
    [Theory]
    [InlineData("no such line", "is not in")]
    [InlineData("    {", "more than once")]
    public void WhatDoesNotFitIsAnError(string find, string expected)
    {
        Mutant mutant = Mutant.Parse("x", $"id: x\nrows: own\nwrong: x\nscenarios: R-01\nfile: src/GpuSvm.Core/Host/HostAddressSpace.Exclusive.cs\n<<<<\n{find}\n====\ny\n>>>>\n");
        FormatException thrown = Assert.Throws<FormatException>(() => mutant.Apply(RepositoryFiles.Root));
        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>A file that is no mutant says what is missing in it.</summary>
    [Theory]
    [InlineData("", "is missing")]
    [InlineData("id: x\nrows: own\nwrong: w\nscenarios: R-01\n", "must change something")]
    [InlineData("what: x\n", "there is no \"what\"")]
    [InlineData("nothing\n", "expected \"key: value\"")]
    [InlineData("file: a\n<<<<\nb\n", "does not end with ====")]
    public void WhatCannotBeReadIsAnError(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => Mutant.Parse("x", text)).Message, StringComparison.Ordinal);
}
