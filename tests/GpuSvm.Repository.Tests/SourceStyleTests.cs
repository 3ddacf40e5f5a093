// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;
using GpuSvm.Repository.Tests.Scan;

namespace GpuSvm.Repository.Tests;

/// <summary>What the conventions ask of every source file, as far as text can tell.</summary>
public sealed partial class SourceStyleTests
{
    private const int MostLines = 400;

    /// <summary>Shortenings that have a word of their own here. Vma, Mmu, Hmm, Svm, Pte, Tlb, Gpu and Dma are the only ones we keep.</summary>
    private static readonly HashSet<string> _shortenings =
    [
        "Addr", "Addrs", "Alloc", "Attr", "Attrs", "Buf", "Cfg", "Cnt", "Ctx", "Dev", "Devmem", "Evt", "Fn", "Func", "Hdr", "Idx", "Impl", "Inv", "Len", "Mgr", "Msg",
        "Notif", "Num", "Obj", "Pg", "Pgs", "Pos", "Prev", "Proc", "Ptr", "Ptrs", "Seq", "Sz", "Sys", "Tmp", "Val", "Util", "Utils",
    ];

    private static readonly IReadOnlyList<string> _sources = RepositoryFiles.Find("*.cs", "src");
    private static readonly IReadOnlyList<string> _all = RepositoryFiles.Find("*.cs", "src", "tests", "samples", "bench");

    private static readonly IReadOnlyList<(string File, IReadOnlyList<Declaration> Found)> _declarations =
        [.. _sources.Select(file => (file, DeclarationScanner.Scan(RepositoryFiles.Read(file))))];

    [Fact]
    public void TheScanSeesTheSources()
    {
        Assert.True(_sources.Count >= 30, $"only {_sources.Count} source files found under {RepositoryFiles.Root}/src");
        Assert.True(_declarations.Sum(file => file.Found.Count) >= 200, "the scanner found too few declarations");
        Assert.Contains(_declarations, file => file.Found.Any(found => found is { Kind: "member", Name: "Populate" }));
    }

    [Fact]
    public void EverySourceFileBeginsWithTheLicenceLine() => RepositoryFiles.AssertNone(
        "The first line must be: // SPDX-License-Identifier: MIT",
        _all.Where(file => FirstLine(file) != "// SPDX-License-Identifier: MIT").Select(file => $"{file}:1"));

    [Fact]
    public void NoFileIsLongerThanFourHundredLines() => RepositoryFiles.AssertNone(
        $"More than {MostLines} lines: cut along a concept",
        from file in _all
        let lines = File.ReadLines(RepositoryFiles.Path(file)).Count()
        where lines > MostLines
        select $"{file}:{lines}");

    [Fact]
    public void NoFileUsesRegions() => RepositoryFiles.AssertNone("#region hides code", LinesThat(_all, line => line.TrimStart().StartsWith("#region", StringComparison.Ordinal)));

    [Fact]
    public void EveryFileHoldsOneTopLevelTypeOfItsName() => RepositoryFiles.AssertNone(
        "One top-level type a file, named like the file",
        from file in _declarations
        let types = file.Found.Where(found => found is { IsType: true, Depth: 0 }).Select(found => found.Name).ToList()
        let stem = Path.GetFileNameWithoutExtension(file.File)
        where types.Count == 0 ? stem is not ("Program" or "AssemblyInfo" or "GlobalUsings") : types.Count > 1 || types[0] != stem.Split('.')[0]
        select $"{file.File}:1 holds {(types.Count == 0 ? "no type" : string.Join(", ", types))}");

    [Fact]
    public void EveryMemberHasADocComment() => RepositoryFiles.AssertNone(
        "A type or member (private functions too) has no doc comment",
        from file in _declarations
        from found in file.Found
        where found is { Documentation: null, IsPrivateField: false } && !IsPartOfDocumentedType(found)
        select $"{file.File}:{found.Line} {found.Name}");

    [Fact]
    public void EveryDocCommentSaysSomething() => RepositoryFiles.AssertNone(
        "A doc comment needs a summary with words, or inheritdoc",
        from file in _declarations
        from found in file.Found
        where found.Documentation is not null && !Says(found.Documentation) && !IsPartOfDocumentedType(found)
        select $"{file.File}:{found.Line} {found.Name}");

    [Fact]
    public void NoFolderIsADrawerForEverything() => RepositoryFiles.AssertNone(
        "A folder is a concept",
        _sources.Where(file => file.Split('/').Any(part => part is "Common" or "Utils" or "Utilities" or "Helpers" or "Misc")));

    [Fact]
    public void NamesUseNoShorteningsAndNoCapitalWords() => RepositoryFiles.AssertNone(
        "Write the word out, or the abbreviation like a word: Vma, Mmu, Hmm, Svm, Pte, Tlb, Gpu, Dma",
        from file in _declarations
        where !file.File.Contains("/Interop/", StringComparison.Ordinal) && !file.File.EndsWith("Exports.cs", StringComparison.Ordinal) // Those carry names of C.
        from found in file.Found
        where found.Name is not ("" or "this" or ".ctor" or "operator")
        let words = Word().Matches(found.Kind == "interface" ? found.Name[1..] : found.Name).Select(word => word.Value)
        from word in words
        where _shortenings.Contains(char.ToUpperInvariant(word[0]) + word[1..]) || (word.Length > 2 && word.All(char.IsAsciiLetterUpper))
        select $"{file.File}:{found.Line} {found.Name}: {word}");

    [Fact]
    public void CommentsNeverSayToDoLater() => RepositoryFiles.AssertNone(
        "Unfinished work belongs on an issue",
        LinesThat(_sources, line => Unfinished().IsMatch(line)));

    /// <summary>Whether a doc comment has a summary with words in it, or takes it from elsewhere.</summary>
    private static bool Says(string documentation) => documentation.Contains("<inheritdoc", StringComparison.Ordinal) || Summary().IsMatch(documentation);

    /// <summary>Whether this is one part of a type, and another part says what the type is.</summary>
    private static bool IsPartOfDocumentedType(Declaration found) =>
        found.IsType && found.Modifiers.Contains("partial") && _declarations.Any(file => file.Found.Any(
            other => other.IsType && other.Name == found.Name && other.Documentation is not null && Says(other.Documentation)));

    /// <summary>A file's first line, without a byte-order mark.</summary>
    private static string FirstLine(string file) => File.ReadLines(RepositoryFiles.Path(file)).FirstOrDefault() ?? "";

    /// <summary>The places of all lines that fulfil a condition.</summary>
    private static IEnumerable<string> LinesThat(IEnumerable<string> files, Func<string, bool> condition) =>
        from file in files
        from line in File.ReadLines(RepositoryFiles.Path(file)).Select((text, index) => (Text: text, Number: index + 1))
        where condition(line.Text)
        select $"{file}:{line.Number} {line.Text.Trim()}";

    [GeneratedRegex(@"<summary>[\s\S]*?\w[\s\S]*?</summary>")]
    private static partial Regex Summary();

    [GeneratedRegex("[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")]
    private static partial Regex Word();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|\(Being written\.\)|NotImplementedException")]
    private static partial Regex Unfinished();
}
