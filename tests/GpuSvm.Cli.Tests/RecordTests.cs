// SPDX-License-Identifier: MIT
using System.Text.Json;

namespace GpuSvm.Cli.Tests;

/// <summary>Runs that are recorded and replayed: with one unit and one CPU thread the replay has the run's own faults and bytes.</summary>
public sealed class RecordTests : IDisposable
{
    /// <summary>Workloads with arguments that keep them small, and the device's memory.</summary>
    private static readonly (string Arguments, string Device)[] Cases =
    [
        ("pagerank --scale 12 --chunk 64K", "256K"), ("triad --size 6M --chunk 64K", "2M"), ("triad --size 12M", "6M"), ("pointer-chase --size 2M --chunk 64K --evict clock", "512K"),
        ("sort --size 2M --chunk 64K --prefetch tree --thrash none", "512K"), ("sort --size 2M --chunk 64K", "512K"), ("sort --size 2M --chunk 4K --evict random", "512K"),
        ("triad --size 6M --chunk 64K --prefetch sequential", "16M"), ("ping-pong --size 2M --chunk 64K", "1M"),
    ];

    /// <summary>Where files go.</summary>
    private readonly TemporaryFolder _folder = new();

    /// <summary>Every case on both memories.</summary>
    public static TheoryData<string, string, string> Runs()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var memory in (string[])["portable", "real"])
        {
            foreach (var (arguments, device) in Cases)
                data.Add(memory, arguments, device);
        }

        return data;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Runs))]
    public void AReplayHasTheFaultsAndBytesOfTheRun(string memory, string arguments, string device)
    {
        EndToEndTests.Need(memory);
        var trace = Path.Combine(_folder.Path, "run.gsvmtrace");
        var run = Json(["run", .. arguments.Split(' '), "--memory", memory, "--device-memory", device, "--units", "1", "--threads", "1", "--record", trace, "--json", "-"]);
        Assert.True(run.GetProperty("verified").GetBoolean());
        var replay = Json(["replay", trace, "--json", "-"]);
        var figures = replay.GetProperty("recorded").EnumerateArray().ToList();
        Assert.Equal(6, figures.Count);
        Assert.Equal(figures.Select(Shown("recorded")), figures.Select(Shown("replayed")));
        Assert.Equal("", replay.GetProperty("differs").GetString());
        var result = replay.GetProperty("result");
        Assert.Equal(run.GetProperty("gpu_faults").GetInt64(), result.GetProperty("device_faults").GetInt64());
        var cleared = memory == "real" && arguments.Contains("--prefetch tree", StringComparison.Ordinal) ? 64 << 10 : 0; // docs/replay.md: a block may be cleared in the one and copied in the other.
        Assert.InRange(result.GetProperty("bytes_to_device").GetInt64() - run.GetProperty("bytes_to_device").GetInt64(), 0, cleared);
        Assert.Equal(run.GetProperty("bytes_to_ram").GetInt64(), result.GetProperty("bytes_to_host").GetInt64());
        Assert.Equal(0, result.GetProperty("failed_accesses").GetInt64());
    }

    [Fact]
    public void AReplayOfSeveralUnitsSaysThatItMayDiffer()
    {
        EndToEndTests.Need("portable");
        var trace = Path.Combine(_folder.Path, "run.gsvmtrace");
        _ = Json(["run", "triad", "--size", "6M", "--memory", "portable", "--units", "2", "--record", trace, "--json", "-"]);
        Assert.Contains("2 compute units", Json(["replay", trace, "--json", "-"]).GetProperty("differs").GetString(), StringComparison.Ordinal);
        Assert.Contains("other policies", Json(["replay", trace, "--evict", "random", "--json", "-"]).GetProperty("differs").GetString(), StringComparison.Ordinal);
        var shown = ToolRun.Of("replay", trace);
        Assert.Contains("recorded", shown.Output, StringComparison.Ordinal);
        Assert.Contains("The two may differ", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void RecordRunsAProgramAndSaysWhatWasWritten()
    {
        EndToEndTests.Need("portable");
        var trace = Path.Combine(_folder.Path, "run.gsvmtrace");
        File.WriteAllText(trace, "an earlier one");
        var beside = Path.Combine(AppContext.BaseDirectory, "GpuSvm.Cli"); // The tool as a program of its own, with what the tests stand on.
        var run = ToolRun.Of(
            "record", "-o", trace, "--", Environment.ProcessPath!, "exec", "--runtimeconfig", beside + ".Tests.runtimeconfig.json", "--depsfile", beside + ".Tests.deps.json", beside + ".dll",
            "run", "triad", "--size", "4M", "--memory", "portable", "--quiet");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("complete", run.Error, StringComparison.Ordinal);
        Assert.Contains("device faults", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, ToolRun.Of("replay", trace, "--quiet").ExitCode);
    }

    [Fact]
    public void RecordGivesTheProgramsExitCodeAndSaysWhenThereIsNothing()
    {
        var trace = Path.Combine(_folder.Path, "none.gsvmtrace");
        var failed = ToolRun.Of("record", "-o", trace, "--", "sh", "-c", "exit 7");
        Assert.Equal(7, failed.ExitCode);
        Assert.Contains("opened no shared memory", failed.Error, StringComparison.Ordinal);
        Assert.Equal(1, ToolRun.Of("record", "-o", trace, "--", "true").ExitCode);
        Assert.Equal(2, ToolRun.Of("record", "-o", trace, "--", "no-such-program").ExitCode);
        Assert.Equal(2, ToolRun.Of("record", "-o", Path.Combine(_folder.Path, "no/folder.gsvmtrace"), "--", "true").ExitCode);
        Assert.Equal(2, ToolRun.Of("record").ExitCode);
        Assert.False(File.Exists(trace));
    }

    /// <summary>A figure with its name.</summary>
    private static Func<JsonElement, string> Shown(string property) => figure => $"{figure.GetProperty("name").GetString()} {figure.GetProperty(property).GetInt64()}";

    /// <summary>Runs the tool and reads what it wrote.</summary>
    private static JsonElement Json(string[] arguments)
    {
        var run = ToolRun.Of(arguments);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        using var document = JsonDocument.Parse(run.Output);
        return document.RootElement.Clone();
    }
}
