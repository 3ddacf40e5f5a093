// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm conform`: exit codes and what it says.</summary>
public sealed class ConformTests : IDisposable
{
    private const string Equal = "  0 cpu_write   d0 p5  n2  v9   -> 0\n  1 snapshot    d1 p4  n3  v1   -> 0 cp 3 f 0 [00 02 02]\nfinal 830e547d\n";

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EqualTracesEndWithZero()
    {
        _folder.Write("a.txt", Equal);
        _folder.Write("b.txt", Equal);
        var run = ToolRun.Of("conform", _folder.Path);
        Assert.Equal("", run.Error);
        Assert.EndsWith("2 of 2 traces equal\n", run.Output, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public void ADifferenceIsShownAndEndsWithOne()
    {
        var path = _folder.Write("a.txt", Equal.Replace("[00 02 02]", "[00 02 22]", StringComparison.Ordinal));
        var run = ToolRun.Of("conform", path);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("kernel:   1 snapshot    d1 p4  n3  v1   -> 0 cp 3 f 0 [00 02 22]", run.Output, StringComparison.Ordinal);
        Assert.Contains("here:     1 snapshot    d1 p4  n3  v1   -> 0 cp 3 f 0 [00 02 02]", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("0 of 1 traces equal\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonOnStandardOutputIsAllThereIs()
    {
        var run = ToolRun.Of("conform", _folder.Write("a.txt", Equal), "--json", "-");
        using var report = System.Text.Json.JsonDocument.Parse(run.Output);
        Assert.Equal(1, report.RootElement.GetProperty("equal").GetInt32());
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public void ADamagedTraceIsNamedWithItsLineAndEndsWithTwo()
    {
        var path = _folder.Write("a.txt", Equal.Replace("final", "fnal", StringComparison.Ordinal));
        var run = ToolRun.Of("conform", path);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"{path}, line 3, column 1: expected step 2", run.Error, StringComparison.Ordinal);
        Assert.Contains("get it again", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedTraceInAnArchiveIsNamedAndNothingIsReplayed()
    {
        var archive = Path.Combine(_folder.Path, "traces.zip");
        using (var zip = System.IO.Compression.ZipFile.Open(archive, System.IO.Compression.ZipArchiveMode.Create))
        {
            foreach (var (name, text) in ((string, string)[])[("a.txt", Equal), ("b.txt", Equal.Replace("snapshot ", "snapshit ", StringComparison.Ordinal))])
            {
                using var writer = new StreamWriter(zip.CreateEntry(name).Open());
                writer.Write(text);
            }
        }

        var run = ToolRun.Of("conform", archive);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("b.txt, line 2, column 5: expected an operation", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("replaying", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void OneDifferenceAmongMoreTracesEndsWithOneAndCountsTheEqualOnes()
    {
        _folder.Write("a.txt", Equal);
        _folder.Write("b.txt", Equal.Replace("830e547d", "830e547e", StringComparison.Ordinal));
        var run = ToolRun.Of("conform", _folder.Path);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("final 830e547e", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("1 of 2 traces equal\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void OnRealMemoryEveryTraceOfTheKernelHasTheSameBytesAndErrors()
    {
        EndToEndTests.Need("real");
        using (var stream = typeof(ConformTests).Assembly.GetManifestResourceStream("kernel-traces.zip")!)
        using (var file = File.Create(Path.Combine(_folder.Path, "traces.zip")))
            stream.CopyTo(file);
        var run = ToolRun.Of("conform", Path.Combine(_folder.Path, "traces.zip"), "--memory", "real");
        Assert.Equal("", run.Error);
        Assert.EndsWith("250 of 250 traces equal\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("lines that may differ on real memory", run.Output, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public void ADifferenceOnRealMemoryIsShownToo()
    {
        EndToEndTests.Need("real");
        var path = _folder.Write("a.txt", Equal.Replace("[00 02 02]", "[00 02 22]", StringComparison.Ordinal));
        var run = ToolRun.Of("conform", path, "--memory", "real");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("here:     1 snapshot    d1 p4  n3  v1   -> 0 cp 3 f 0 [00 02 02]", run.Output, StringComparison.Ordinal);
        Assert.Contains("has none", run.Output, StringComparison.Ordinal); // The pages around it.
    }

    [Theory]
    [InlineData("conform", "Required argument missing for command: 'conform'")]
    [InlineData("conform /no/such/trace.txt", "no such file or folder")]
    [InlineData("conform x --memory wooden", "use simulated or real")]
    public void WhatCannotBeUsedEndsWithTwo(string line, string expected)
    {
        var run = ToolRun.Of(line.Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderWithoutTracesEndsWithTwo()
    {
        var run = ToolRun.Of("conform", _folder.Path);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("no traces", run.Error, StringComparison.Ordinal);
    }
}
