// SPDX-License-Identifier: MIT
using System.Runtime.Versioning;

namespace GpuSvm.Repository.Tests;

/// <summary>The gpusvm script builds when and only when it must, says what is missing, and counts what tests came to.</summary>
[SupportedOSPlatform("linux")]
public sealed class ScriptTests : IDisposable
{
    private const string Passes = "echo '   A.Tests  Total: 3, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.1s'";

    private readonly ScriptSandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [Fact]
    public void BuildsOnceAndRunsTheToolInTheCallersFolder()
    {
        (int code, string output, string errors) = _sandbox.Run("run", "a b", "--json=c");
        Assert.Equal((0, $"in {Path.GetTempPath().TrimEnd('/')}: run a b --json=c\n"), (code, output));
        Assert.Equal("building (first run takes about a minute)...\n", errors);
        Assert.Single(_sandbox.Calls, call => call.StartsWith("publish ", StringComparison.Ordinal));
        Assert.Equal("library\n", File.ReadAllText(_sandbox.Inside("artifacts/bin/GpuSvm.Cli/release/libgpusvm.so")));

        int calls = _sandbox.Calls.Count;
        Assert.Equal("", _sandbox.Run("run").Errors);
        Assert.Equal(calls + 1, _sandbox.Calls.Count);
    }

    [Theory]
    [InlineData("src/GpuSvm.Core/A.cs", true)]
    [InlineData("src/GpuSvm.Core/New.cs", true)]
    [InlineData("Directory.Build.props", true)]
    [InlineData("src/GpuSvm.Core/packages.lock.json", false)]
    [InlineData("src/GpuSvm.Core/obj/A.cs", false)]
    [InlineData("src/GpuSvm.Core/.A.cs.swp", false)]
    [InlineData("docs/README.md", false)]
    public void BuildsAgainWhenWhatItIsBuiltFromChanges(string file, bool expected)
    {
        _sandbox.Run("build");
        _sandbox.Write(file, "changed");
        Assert.Equal(expected, _sandbox.Run("build").Errors.Length > 0);
    }

    [Fact]
    public void BuildsAgainWhenAFileGoesOrComesBackOlder()
    {
        _sandbox.Run("build");
        File.SetLastWriteTimeUtc(_sandbox.Inside("src/GpuSvm.Core/A.cs"), new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.NotEmpty(_sandbox.Run("build").Errors);
        File.Delete(_sandbox.Inside("src/GpuSvm.Core/A.cs"));
        Assert.NotEmpty(_sandbox.Run("build").Errors);
        Assert.Empty(_sandbox.Run("build").Errors);
    }

    [Fact]
    public void CallsAtTheSameTimeBuildOnce()
    {
        var calls = Enumerable.Range(0, 4).Select(_ => _sandbox.Start(["run"])).ToList();
        Assert.All(calls, call => Assert.Equal(0, ScriptSandbox.Finish(call).Code));
        Assert.Single(_sandbox.Calls, call => call.StartsWith("publish ", StringComparison.Ordinal));
    }

    [Fact]
    public void AFailedBuildShowsItsEndAndIsTriedAgain()
    {
        _sandbox.Write("publish-fails", "");
        (int code, string output, string errors) = _sandbox.Run("run");
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("error CS1002", errors, StringComparison.Ordinal);
        Assert.Contains("artifacts/build.log", errors, StringComparison.Ordinal);
        File.Delete(_sandbox.Inside("publish-fails"));
        Assert.Equal(0, _sandbox.Run("run").Code);
    }

    [Fact]
    public void AFailedBuildOfTestsEndsInTheLastLineToo()
    {
        _sandbox.AddTestProject("A.Tests", Passes);
        _sandbox.Write("publish-fails", "");
        (int code, string output, _) = _sandbox.Run("test");
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped\n"), (code, output));
    }

    [Theory]
    [InlineData("dotnet", ".NET SDK 10 is missing")]
    [InlineData("gcc", "a C linker is missing")]
    public void SaysInOneLineWhatIsMissing(string tool, string expected)
    {
        _sandbox.RemoveTool(tool);
        (int code, string output, string errors) = _sandbox.Run("run");
        Assert.Equal((2, ""), (code, output));
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Contains("install it with:", line, StringComparison.Ordinal);
    }

    [Fact]
    public void ContinuousIntegrationRestoresInLockedMode()
    {
        ScriptSandbox.Finish(_sandbox.Start(["build"], ("CI", "true")));
        Assert.All(_sandbox.Calls.Where(call => call.StartsWith("restore ", StringComparison.Ordinal)), call => Assert.Contains("--locked-mode", call, StringComparison.Ordinal));
        Assert.NotEmpty(_sandbox.Calls);
    }

    [Fact]
    public void AddsUpWhatTheProjectsReport()
    {
        _sandbox.AddTestProject("A.Tests", Passes);
        _sandbox.AddTestProject("B.Tests", """
            echo '    B.Broken [FAIL]'; echo '      no'; echo '    B.Later [SKIP]'; echo '      needs x'; echo '    B.Fine [PASS]'
            echo '   B.Tests  Total: 9, Errors: 1, Failed: 2, Skipped: 3, Not Run: 1, Time: 0.1s'; exit 1
            """);
        (int code, string output, _) = _sandbox.Run("test");
        Assert.Equal((1, "6 passed, 3 failed, 3 skipped"), (code, LastLine(output)));
        Assert.Contains("    B.Broken [FAIL]\n      no\n    B.Later [SKIP]\n      needs x\n   B.Tests  Total", output, StringComparison.Ordinal);
        Assert.Equal("library\n", File.ReadAllText(_sandbox.Inside("artifacts/bin/A.Tests/release/libgpusvm.so")));
    }

    [Fact]
    public void EverythingPassedIsExitCodeZero()
    {
        _sandbox.AddTestProject("A.Tests", Passes);
        (int code, string output, _) = _sandbox.Run("test");
        Assert.Equal((0, "3 passed, 0 failed, 0 skipped"), (code, LastLine(output)));
    }

    [Theory]
    [InlineData("echo boom; exit 134", "ended without a summary, exit code 134")]
    [InlineData("exec sleep 60", "ran longer than 1 seconds")]
    [InlineData("echo '   A.Tests  Total: 0'", "has no tests")]
    [InlineData("echo '   A.Tests  Total: 3, Errors: 0, Failed: 0, Skipped: 3, Not Run: 0, Time: 1s'; exit 139", "exit code 139 after its summary")]
    public void AProjectThatCrashesHangsOrIsEmptyIsAFailure(string outcome, string expected)
    {
        _sandbox.AddTestProject("A.Tests", outcome);
        (int code, string output, _) = ScriptSandbox.Finish(_sandbox.Start(["test"], ("GPUSVM_TEST_TIMEOUT", "1")));
        Assert.Equal(1, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Matches("^0 passed, 1 failed, [03] skipped$", LastLine(output));
    }

    [Fact]
    public void AFilterThatMatchesNothingFails()
    {
        _sandbox.AddTestProject("A.Tests", "echo '   A.Tests  Total: 0'");
        (int code, string output, _) = _sandbox.Run("test", "Nonsense");
        Assert.Equal((1, "0 passed, 1 failed, 0 skipped"), (code, LastLine(output)));
        Assert.Contains("-method *Nonsense*", _sandbox.Calls[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void OneProjectCanBeChosen()
    {
        _sandbox.AddTestProject("A.Tests", Passes);
        _sandbox.AddTestProject("B.Tests", "exit 1");
        Assert.Equal("3 passed, 0 failed, 0 skipped", LastLine(_sandbox.Run("test", "--project", "A.Tests").Output));
        Assert.Equal(2, _sandbox.Run("test", "--project", "C.Tests").Code);
    }

    [Fact]
    public void PacksBothPackagesAndNoLibraryOfAnEarlierCall()
    {
        string folder = _sandbox.Inside("packages");
        (int code, string output, string errors) = _sandbox.Run("pack", folder);
        Assert.Equal((0, $"{folder}/GpuSvm.0.1.0.nupkg\n{folder}/GpuSvm.Hosting.0.1.0.nupkg\n"), (code, output));
        Assert.Equal("building (first run takes about a minute)...\n", errors);
        Assert.All(_sandbox.Calls.Where(call => call.StartsWith("pack ", StringComparison.Ordinal)), call => Assert.Contains("--no-build", call, StringComparison.Ordinal));
        string library = Assert.Single(Directory.GetDirectories(_sandbox.Inside("artifacts/publish/GpuSvm.Native"))); // Of the two that the pretended publish leaves.
        Assert.Contains("release_linux-", library, StringComparison.Ordinal);
    }

    [Fact]
    public void PackingForTheOtherPlatformNeedsItsCompiler()
    {
        (int code, string output, string errors) = _sandbox.Run("pack", "--all");
        Assert.Equal((2, ""), (code, output));
        Assert.Contains("install it with: sudo apt-get install gcc-", errors, StringComparison.Ordinal);
        Assert.Empty(_sandbox.Calls);
    }

    [Fact]
    public void CleanRemovesWhatWasBuilt()
    {
        _sandbox.Run("build");
        Assert.Equal(0, _sandbox.Run("clean").Code);
        Assert.False(Directory.Exists(_sandbox.Inside("artifacts")));
    }

    /// <summary>The last line of an output.</summary>
    private static string LastLine(string output) => output.TrimEnd('\n').Split('\n')[^1];
}
