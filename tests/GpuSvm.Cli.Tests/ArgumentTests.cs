// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Tests;

/// <summary>What the user gives wrongly: exit code 2 and one line on standard error that names the remedy. None of it needs shared memory.</summary>
public sealed class ArgumentTests : IDisposable
{
    /// <summary>Where graph files lie.</summary>
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("run pingpong", "did you mean 'ping-pong'?")]
    [InlineData("run nothing-like-it", "bfs, pagerank, triad, pointer-chase, ping-pong, sort")]
    [InlineData("run triad --size 0", "at least one byte")]
    [InlineData("run triad --size -5", "--size -5: not a size")]
    [InlineData("run triad --size 12Q", "64M")]
    [InlineData("run triad --size 100", "at least 4096")]
    [InlineData("run triad --size 100T", "do not fit")]
    [InlineData("run --scale 24 --size 1M", "leave one of them out")]
    [InlineData("run --scale 99", "from 1 to 24")]
    [InlineData("run --size 1T", "largest is --scale 24")]
    [InlineData("run sort --scale 10", "does not work on a graph")]
    [InlineData("run sort --graph a.csv", "does not work on a graph")]
    [InlineData("run --graph a.csv --scale 10", "exclude each other")]
    [InlineData("run --graph /no/such/file.csv", "no such file")]
    [InlineData("run --device-memory 4095", "at least 4096")]
    [InlineData("run triad --device-memory 100T", "use at most")]
    [InlineData("run --threads 0", "from 1 to 1024")]
    [InlineData("run --threads many", "from 1 to 1024")]
    [InlineData("run --seed x", "not a whole number")]
    [InlineData("run --prefetch all", "none, sequential, tree, block")]
    [InlineData("run --evict lru", "unused, fault-order, fifo, clock, random, tree")]
    [InlineData("run --evict FaultOrder", "fault-order")]
    [InlineData("run --chunk 8K", "4K, 64K or 2M")]
    [InlineData("run --memory imaginary", "auto, real or portable")]
    [InlineData("run --json /no/such/folder/x.json", "existing folder")]
    [InlineData("run --sise 5", "did you mean '--size'?")]
    [InlineData("run --size", "--size")]
    [InlineData("rnu", "did you mean 'run'?")]
    [InlineData("run triad extra", "'extra'")]
    [InlineData("bench --pin 0", "--pin 0")]
    [InlineData("bench --pin 0,99999", "not two CPUs")]
    [InlineData("bench --ranges 100", "from 10000 to 10000000")]
    [InlineData("bench --ranges many", "from 10000 to 10000000")]
    [InlineData("bench --only weather", "there are CPU fault")]
    public void AWrongArgumentGetsOneLineWithTheRemedyAndExitCode2(string line, string expected)
    {
        var run = ToolRun.Of(line.Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.StartsWith("gpusvm: ", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void AGraphFileThatIsNoneGetsItsLineAndExitCode2()
    {
        var path = _folder.Write("bad.csv", "0,1\n1,2\nhello\n");
        var run = ToolRun.Of("run", "--graph", path);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"{path}, line 3: expected two node numbers", run.Error, StringComparison.Ordinal);
        Assert.Contains("found \"hello\"", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutArgumentsTheToolShowsItsHelp()
    {
        var run = ToolRun.Of();
        Assert.Equal(0, run.ExitCode);
        foreach (var command in (string[])["run", "doctor", "bench"])
            Assert.Contains(command, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run", "--device-memory")]
    [InlineData("run", "pointer-chase")]
    [InlineData("doctor", "--json")]
    [InlineData("bench", "--pin")]
    public void EveryCommandHasHelp(string command, string expected)
    {
        var run = ToolRun.Of(command, "--help");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
        Assert.Contains($"gpusvm {command}", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void TheVersionIsANumber() => Assert.Matches(@"^\d+\.\d+\.\d+\n$", ToolRun.Of("--version").Output);
}
