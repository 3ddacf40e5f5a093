// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm import` and `gpusvm export`: exit codes, files, and what they say.</summary>
public sealed class ImportExportTests : IDisposable
{
    private const string Kfd = "6 1000 -42 @7f1234400(200) 0->5b1e 1\n8 2000 -42 @7f1234501(5b1e) M\n";

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFileBecomesATraceAndThatATable()
    {
        var trace = Inside("a.gsvmtrace");
        var import = ToolRun.Of("import", _folder.Write("kfd.log", Kfd), "-o", trace);
        Assert.Equal((0, "", $"{trace}: 2 records from 2 lines or rows of kfd-smi\n"), (import.ExitCode, import.Error, import.Output));
        var table = Inside("a.csv");
        var export = ToolRun.Of("export", trace, "-o", table);
        Assert.Equal((0, "", $"{table}: 2 records of a.gsvmtrace\n"), (export.ExitCode, export.Error, export.Output));
        Assert.Equal(3, File.ReadAllLines(table).Length);
    }

    [Fact]
    public void WhatIsGoodOfADamagedFileIsKept()
    {
        var trace = Inside("a.gsvmtrace");
        var import = ToolRun.Of("import", _folder.Write("kfd.log", Kfd + "6 nonsense\n"), "-o", trace);
        Assert.Equal(1, import.ExitCode);
        Assert.Equal("gpusvm: kfd.log, line 3: expected nanoseconds, found \"nonsense\". The 2 records before it are good.\n", import.Error);
        Assert.Equal(0, ToolRun.Of("export", trace, "-o", Inside("a.json")).ExitCode);
    }

    [Fact]
    public void ATraceThatWasCutOffIsExportedAsFarAsItIsGood()
    {
        var trace = Inside("a.gsvmtrace");
        ToolRun.Of("import", _folder.Write("kfd.log", Kfd), "-o", trace);
        var bytes = File.ReadAllBytes(trace);
        File.WriteAllBytes(trace, bytes[..^5]);
        var export = ToolRun.Of("export", trace, "-o", Inside("a.csv"));
        Assert.Equal(1, export.ExitCode);
        Assert.Contains("The 2 records before it are good.", export.Error, StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(Inside("a.csv")).Length);
    }

    [Theory]
    [InlineData("its content is of none of the known formats; name one with --from", "Dear reader\n")]
    [InlineData("nothing in its 1 lines is of the format xe-log", "Dear reader\n", "--from", "xe-log")]
    [InlineData("--from nonsense: no such format; use one of addresses, kfd-smi", "Dear reader\n", "--from", "nonsense")]
    public void WhatCannotBeImportedLeavesNoFile(string error, string text, params string[] more)
    {
        var trace = Inside("a.gsvmtrace");
        var run = ToolRun.Of(["import", _folder.Write("letter", text), "-o", trace, .. more]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(trace));
    }

    [Fact]
    public void WrongArgumentsNameTheRemedy()
    {
        var kfd = _folder.Write("kfd.log", Kfd);
        Assert.Equal("gpusvm: import needs a file for the trace; give it with -o TRACE\n", ToolRun.Of("import", kfd).Error);
        Assert.Contains("is the file to be imported; name another file with -o", ToolRun.Of("import", kfd, "-o", kfd).Error, StringComparison.Ordinal);
        Assert.Contains("no such file; name the file to read", ToolRun.Of("import", Inside("none"), "-o", Inside("a")).Error, StringComparison.Ordinal);
        Assert.Contains("there is no such folder; name a file in a folder that exists with -o", ToolRun.Of("import", kfd, "-o", Inside("no/a")).Error, StringComparison.Ordinal);
        Assert.Contains("its ending says no format; name one with --to (perfetto, chrome, csv", ToolRun.Of("export", kfd, "-o", Inside("a")).Error, StringComparison.Ordinal);
        Assert.Contains("--to nonsense: no such format", ToolRun.Of("export", kfd, "-o", Inside("a"), "--to", "nonsense").Error, StringComparison.Ordinal);
        var run = ToolRun.Of("export", kfd, "-o", Inside("a.csv"));
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("kfd.log, at byte 0", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Inside("a.csv")));
    }

    /// <summary>A file in the test's folder.</summary>
    private string Inside(string name) => Path.Combine(_folder.Path, name);
}
