// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>docs/features.md names types, members and tests that exist, and has every row.</summary>
public sealed class FeaturesTests
{
    private const int KernelRows = 121;
    private const int DriverRows = 66;

    private static readonly string[][] _table = [.. new MarkdownFile("docs/features.md").Rows()];

    /// <summary>All rows as number, capability, name, test, remark: those of the drivers without the drivers.</summary>
    private static readonly string[][] _rows =
    [
        .. _table.Where(row => row.Length == 5 && int.TryParse(row[0], out _)),
        .. _table.Where(row => row.Length == 9 && Regex.IsMatch(row[0], @"^D\d+$")).Select(row => (string[])[row[0], row[1], .. row[6..]]),
    ];

    [Fact]
    public void EveryRowIsThereOnceAndInOrder() => Assert.Equal(
        [.. Enumerable.Range(1, KernelRows).Select(row => $"{row}"), .. Enumerable.Range(1, DriverRows).Select(row => $"D{row}")], _rows.Select(row => row[0]));

    [Fact]
    public void ARowNamesCodeAndATestOrSaysNo() => RepositoryFiles.AssertNone(
        "A feature needs a name and a test, or a remark that begins with no",
        _rows.Where(row => (row[2].Length == 0 || row[3].Length == 0) && !row[4].StartsWith("no", StringComparison.Ordinal)).Select(row => row[0]));

    [Fact]
    public void EveryTypeAndMemberExists() => RepositoryFiles.AssertNone(
        "docs/features.md names what src does not have", _rows.SelectMany(row => SourceNames.In(row[2]).Where(name => !SourceNames.Exists(name, "src")).Select(name => $"{row[0]} {name}")));

    [Fact]
    public void EveryTestExists() => RepositoryFiles.AssertNone(
        "docs/features.md names a test that does not exist", _rows.SelectMany(row => SourceNames.In(row[3]).Where(name => !SourceNames.Exists(name, "tests")).Select(name => $"{row[0]} {name}")));

    [Fact]
    public void ANameThatIsNotThereIsFound() => Assert.False(SourceNames.Exists("SvmMirror.NoSuchMember", "src") || SourceNames.Exists("NoSuchType", "src"));
}
