// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;
using GpuSvm.Repository.Tests.Scan;

namespace GpuSvm.Repository.Tests;

/// <summary>What code lists and what documents list is the same: lock ranks, statuses, exported functions.</summary>
public sealed partial class TableTests
{
    private const string Header = "src/GpuSvm.Native/include/gpusvm.h";

    private static readonly IReadOnlyList<(string Name, int Value)> _statuses = EnumMembers("src/GpuSvm.Core/SvmStatus.cs");

    [Fact]
    public void EveryLockRankHasItsRow()
    {
        IReadOnlyList<(string Name, int Value)> ranks = EnumMembers("src/GpuSvm.Core/Locking/LockRank.cs");
        Assert.True(ranks.Count >= 5, "the lock ranks were not found");
        Assert.Equal(ranks.Select(rank => (rank.Value, rank.Name)), NumberedRows("docs/locks.md", columns: 6).Select(row => (int.Parse(row[0], null), row[1])));
    }

    [Fact]
    public void EveryInjectionPointHasItsRow()
    {
        string[] points = [.. from found in DeclarationScanner.Scan(RepositoryFiles.Read("src/GpuSvm.Core/Diagnostics/InjectionPoint.cs"))
                              where found.Kind == "member" && found.Depth == 1
                              select found.Name];
        Assert.True(points.Length >= 15, "the injection points were not found");
        string[][] rows = [.. new MarkdownFile("docs/fault-injection.md").Rows().Where(row => row.Length == 4 && row[0] != "point" && !row[0].StartsWith('-'))];
        Assert.Equal(points, rows.Select(row => row[0].Trim('`')));
        string places = RepositoryFiles.Read("src/GpuSvm.Core/Diagnostics/InjectionPointPlace.cs"); // What programs are told has the same words.
        Assert.Equal(rows.Select(row => (row[0].Trim('`'), row[1])), Place().Matches(places).Select(match => (match.Groups[1].Value, match.Groups[2].Value)));
        string[] unknown = [.. rows.Select(row => row[2].Trim('`')).Where(status => status != "(none)" && _statuses.All(known => known.Name != status))];
        Assert.Empty(unknown);
    }

    [Fact]
    public void EveryStatusHasItsRow()
    {
        Assert.True(_statuses.Count >= 15, "the statuses were not found");
        Assert.Equal(
            _statuses.Select(status => (status.Value, status.Name, "GPUSVM_" + CName(status.Name))),
            NumberedRows("docs/errors.md", columns: 6).Select(row => (int.Parse(row[0], null), row[1], row[2])));
    }

    [Fact]
    public void TheHeaderHasTheSameStatuses() => Assert.Equal(
        _statuses.Select(status => ("GPUSVM_" + CName(status.Name), status.Value)),
        HeaderStatus().Matches(Between(RepositoryFiles.Read(Header), "typedef enum gpusvm_status {", "}")).Select(match => (match.Groups[1].Value, int.Parse(match.Groups[2].Value, null))));

    [Fact]
    public void ThePackageHasTheSameStatuses()
    {
        string? file = RepositoryFiles.Find("StatusCode.cs", "src/GpuSvm").SingleOrDefault();
        if (file is null)
            Assert.Skip("src/GpuSvm has no StatusCode.cs");
        Assert.Equal(_statuses, EnumMembers(file));
    }

    [Fact]
    public void EveryFunctionOfTheHeaderIsDocumented()
    {
        IReadOnlyList<string> functions = HeaderFunctions();
        Assert.True(functions.Count >= 10, $"only {functions.Count} functions found in {Header}");
        Assert.Equal(functions.Order(), new MarkdownFile("docs/c-api.md").Rows().Select(row => row[0]).Where(name => FunctionName().IsMatch(name)).Order());
    }

    [Fact]
    public void EveryCaseAboutMappingsHasItsRowAndIsRun()
    {
        string tests = RepositoryFiles.Read("tests/GpuSvm.Native.Tests/MappingProgramTests.cs");
        string[] cases = [.. from program in (string[])["mappings", "attach", "forks"]
                             from Match found in ProgramCase().Matches(RepositoryFiles.Read($"tests/GpuSvm.Native.Tests/programs/{program}.c"))
                             select $"{program} {found.Groups[1].Value}"];
        Assert.True(cases.Length >= 20, "the cases were not found");
        Assert.Equal(cases.Order(), new MarkdownFile("docs/real-memory.md").Rows().Where(row => row.Length == 4).Select(row => row[3].Trim('`')).Where(name => name.StartsWith("mappings ", StringComparison.Ordinal) || name.StartsWith("attach ", StringComparison.Ordinal) || name.StartsWith("forks ", StringComparison.Ordinal)).Order());
        Assert.Equal(cases.Select(name => name.Split(' ')[1]).Order(), InlineCase().Matches(tests).Select(match => match.Groups[1].Value).Order());
    }

    [Fact]
    public void EveryMemberOfTheKernelFunctionsIsDocumented()
    {
        string[] members = [.. FunctionPointer().Matches(Between(RepositoryFiles.Read(Header), "typedef struct gpusvm_kernel_functions {", "} gpusvm_kernel_functions;")).Select(match => match.Groups[1].Value)];
        Assert.True(members.Length >= 8, "the members of gpusvm_kernel_functions were not found");
        IEnumerable<string> documented = new MarkdownFile("docs/c-api.md").Rows().Where(row => row.Length == 2).SelectMany(row => row[0].Split(',')).Select(name => name.Trim(' ', '`'));
        Assert.Equal(members.Order(), documented.Where(name => name is not ("" or "member of `gpusvm_kernel_functions")).Order());
    }

    [Fact]
    public void TheLibraryExportsWhatTheHeaderDeclares()
    {
        IReadOnlyList<string> sources = RepositoryFiles.Find("*.cs", "src/GpuSvm.Native");
        if (sources.Count == 0)
            Assert.Skip("src/GpuSvm.Native has no sources");
        string[] exported = [.. sources.SelectMany(file => EntryPoint().Matches(RepositoryFiles.Read(file))).Select(match => match.Groups[1].Value).Order()];
        Assert.Equal(HeaderFunctions().Order(), exported);
    }

    [Fact]
    public void ExportsAndManagedImportsQuoteTheDeclarationsOfTheHeader()
    {
        string[] declared = [.. Declaration().Matches(BlockComment().Replace(RepositoryFiles.Read(Header), "")).Select(match => OneLine(match.Value)).Order()];
        Assert.Equal(HeaderFunctions().Count, declared.Length);
        Assert.Equal(declared, Quoted("src/GpuSvm.Native"));
        string[] imported = Quoted("src/GpuSvm");
        Assert.True(imported.Length >= 20, "the imports were not found");
        Assert.Empty(imported.Except(declared));
    }

    [Fact]
    public void EveryFunctionOfTheHeaderIsFuzzed()
    {
        IReadOnlyList<string> programs = [.. RepositoryFiles.Find("fuzz*", "tests/GpuSvm.Native.Tests/programs")];
        string[] called = [.. programs.SelectMany(file => ProgramCall().Matches(RepositoryFiles.Read(file))).Select(match => "gpusvm_" + match.Groups[1].Value).Distinct()];
        Assert.Equal(HeaderFunctions().Order(), called.Order());
    }

    [Theory]
    [InlineData("OutOfDeviceMemory", "OUT_OF_DEVICE_MEMORY")]
    [InlineData("Done", "DONE")]
    public void SpellsNamesAsCDoes(string name, string expected) => Assert.Equal(expected, CName(name));

    /// <summary>The members of the one enum in a file.</summary>
    private static IReadOnlyList<(string Name, int Value)> EnumMembers(string file) =>
    [
        .. from found in DeclarationScanner.Scan(RepositoryFiles.Read(file))
           where found.Kind == "member" && found.Depth == 1
           select (found.Name, found.Value ?? throw new InvalidOperationException($"{file}:{found.Line} {found.Name} has no number of its own")),
    ];

    /// <summary>The rows of a document's table with so many columns whose first cell is a number.</summary>
    private static IEnumerable<string[]> NumberedRows(string document, int columns) =>
        new MarkdownFile(document).Rows().Where(row => row.Length == columns && int.TryParse(row[0], out _));

    /// <summary>The functions that the header declares, not the types of functions.</summary>
    private static IReadOnlyList<string> HeaderFunctions() =>
        [.. HeaderFunction().Matches(BlockComment().Replace(RepositoryFiles.Read(Header), "")).Select(match => match.Groups[1].Value)];

    /// <summary>The declarations that the summaries of exports or imports begin with.</summary>
    private static string[] Quoted(string folder) =>
        [.. RepositoryFiles.Find("*.cs", folder).SelectMany(file => Quotation().Matches(RepositoryFiles.Read(file))).Select(match => OneLine(match.Groups[1].Value)).Order()];

    /// <summary>A declaration on one line, whatever it was broken over.</summary>
    private static string OneLine(string declaration) => Break().Replace(declaration, " ");

    /// <summary>A name in capitals with underlines between its words.</summary>
    private static string CName(string name) => InnerCapital().Replace(name, "_$0").ToUpperInvariant();

    /// <summary>The text between two marks.</summary>
    private static string Between(string text, string start, string end)
    {
        int first = text.IndexOf(start, StringComparison.Ordinal);
        Assert.True(first >= 0, $"'{start}' was not found");
        first += start.Length;
        return text[first..text.IndexOf(end, first, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"(GPUSVM_\w+) = (\d+)")]
    private static partial Regex HeaderStatus();

    [GeneratedRegex(@"^(?!typedef)\w[\w \*]*?\b(gpusvm_\w+)\(", RegexOptions.Multiline)]
    private static partial Regex HeaderFunction();

    [GeneratedRegex(@"^u?int\d+_t gpusvm_\w+\([^)]*\)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"<summary>(u?int\d+_t gpusvm_\w+\([^)]*\))")]
    private static partial Regex Quotation();

    [GeneratedRegex(@"\bsvm\.(\w+)\(")]
    private static partial Regex ProgramCall();

    [GeneratedRegex(@"\s*\n\s*(///)?\s*")]
    private static partial Regex Break();

    [GeneratedRegex(@"/\*[\s\S]*?\*/")]
    private static partial Regex BlockComment();

    [GeneratedRegex(@"\(\*(\w+)\)\(")]
    private static partial Regex FunctionPointer();

    [GeneratedRegex(@"UnmanagedCallersOnly\([^)]*EntryPoint\s*=\s*""(\w+)""")]
    private static partial Regex EntryPoint();

    [GeneratedRegex(@"InjectionPoint\.(\w+) => ""([^""]+)""")]
    private static partial Regex Place();

    /// <summary>A case of a C program.</summary>
    [GeneratedRegex(@"^    \{ ""([a-z-]+)"", \w+ \},", RegexOptions.Multiline)]
    private static partial Regex ProgramCase();

    /// <summary>A case that a test runs.</summary>
    [GeneratedRegex(@"InlineData\(""([a-z-]+)""\)")]
    private static partial Regex InlineCase();

    [GeneratedRegex(@"^gpusvm_\w+$")]
    private static partial Regex FunctionName();

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex InnerCapital();
}
