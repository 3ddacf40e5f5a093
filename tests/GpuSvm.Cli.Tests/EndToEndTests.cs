// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Tests;

/// <summary>The tool on shared memory. Needs the native library; the real-memory cases need userfaultfd as well.</summary>
public sealed class EndToEndTests : IDisposable
{
    /// <summary>Where files go.</summary>
    private readonly TemporaryFolder _folder = new();

    /// <summary>What this machine has: null until asked, then real, portable, or why there is no library.</summary>
    private static readonly Lazy<string> Machine = new(() =>
    {
        try
        {
            using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = 1 << 20 });
            return memory.Kind == MemoryKind.Real ? "real" : "no userfaultfd: " + memory.KindReason;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            return "no library: " + (e.InnerException ?? e).Message;
        }
    });

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    /// <summary>Skips the test where the machine lacks what it needs.</summary>
    internal static void Need(string memory)
    {
        if (Machine.Value.StartsWith("no library", StringComparison.Ordinal))
            Assert.Skip("needs libgpusvm.so: " + Machine.Value);
        if (memory == "real" && Machine.Value != "real")
            Assert.Skip("needs userfaultfd: " + Machine.Value);
    }

    /// <summary>Workloads with arguments that keep them small, their data and device memory; the device holds at most a quarter.</summary>
    private static readonly (string Arguments, long DeviceBytes)[] Cases =
    [
        ("bfs --scale 14", 256 << 10),
        ("pagerank --scale 14", 256 << 10),
        ("triad --size 12M", 3 << 20),
        ("pointer-chase --size 4M", 1 << 20),
        ("ping-pong --size 8M", 2 << 20),
        ("sort --size 8M", 2 << 20),
    ];

    /// <summary>Every case on both memories.</summary>
    public static TheoryData<string, string, long> Runs()
    {
        var data = new TheoryData<string, string, long>();
        foreach (var memory in (string[])["portable", "real"])
        {
            foreach (var (arguments, device) in Cases)
                data.Add(memory, arguments, device);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void AWorkloadIsVerifiedWithAQuarterOfItsDataOnTheDevice(string memory, string arguments, long deviceBytes)
    {
        Need(memory);
        var json = Path.Combine(_folder.Path, "run.json");
        var run = ToolRun.Of(["run", .. arguments.Split(' '), "--memory", memory, "--device-memory", $"{deviceBytes}", "--json", json, "--threads", "3", "--seed", "7"]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("yes: ", run.Output, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(File.ReadAllText(json));
        var report = document.RootElement;
        Assert.True(report.GetProperty("verified").GetBoolean());
        Assert.Equal("hold", report.GetProperty("invariants").GetString());
        Assert.Equal(memory, report.GetProperty("memory").GetString());
        Assert.Equal(deviceBytes, report.GetProperty("device_memory_bytes").GetInt64());
        Assert.True(report.GetProperty("data_bytes").GetInt64() >= 4 * deviceBytes, "the device holds more than a quarter of the data");
        Assert.True(report.GetProperty("evictions").GetInt64() > 0, "nothing was evicted");
        Assert.True(report.GetProperty("gpu_faults").GetInt64() > 0, "the GPU never faulted");
        Assert.True(report.GetProperty("bytes_to_device").GetInt64() >= deviceBytes, "too little moved to the device");
        Assert.True(report.GetProperty("elapsed_seconds").GetDouble() > 0);
        Assert.True(report.GetProperty("effective_gb_per_s").GetDouble() > 0);
        foreach (var stage in (string[])["find", "migrate", "get_pages", "bind"])
            Assert.True(report.GetProperty("stage_seconds").GetProperty(stage).GetDouble() >= 0);
        Assert.Equal((3, 7UL), (report.GetProperty("threads").GetInt32(), report.GetProperty("seed").GetUInt64()));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void AWorkloadIsVerifiedWithoutFaults(string memory, string arguments, long deviceBytes)
    {
        Need(memory);
        var json = Path.Combine(_folder.Path, "run.json");
        var run = ToolRun.Of(["run", .. arguments.Split(' '), "--memory", memory, "--device-memory", $"{deviceBytes}", "--without-faults", "--json", json, "--threads", "3"]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        using var document = JsonDocument.Parse(File.ReadAllText(json));
        var report = document.RootElement;
        Assert.True(report.GetProperty("verified").GetBoolean());
        Assert.Equal("hold", report.GetProperty("invariants").GetString());
        Assert.Equal(0, report.GetProperty("gpu_faults").GetInt64());
        Assert.True(report.GetProperty("bytes_to_device").GetInt64() > 0, "nothing moved to the device");
    }

    [Theory]
    [InlineData("bfs")]
    [InlineData("pagerank")]
    [InlineData("triad")]
    [InlineData("pointer-chase")]
    [InlineData("ping-pong")]
    [InlineData("sort")]
    public void ARunWhoseKernelsDidNothingIsNotVerified(string name)
    {
        Need("portable");
        var workload = WorkloadCatalog.Create(name);
        var graph = name is "bfs" or "pagerank";
        var settings = new WorkloadSettings(graph ? null : 1 << 20, 1, 1, null, graph ? 8 : null);
        workload.Prepare(settings, Progress.None);
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, DeviceMemoryBytes = 4 << 20 });
        workload.Fill(memory, settings);
        var verification = workload.Verify();
        Assert.False(verification.Ok, verification.Detail);
        Assert.NotEmpty(verification.Detail);
    }

    [Fact]
    public void TheDefaultRunMovesAndEvictsOnTheRealGraph()
    {
        Need("portable");
        var run = ToolRun.Of("run", "--json", "-");
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        using var document = JsonDocument.Parse(run.Output);
        var report = document.RootElement;
        Assert.Equal("bfs", report.GetProperty("workload").GetString());
        Assert.Contains("117,659 nodes", report.GetProperty("input").GetString(), StringComparison.Ordinal);
        Assert.Contains("111,743 reached", RunReached(), StringComparison.Ordinal);
        Assert.True(report.GetProperty("device_memory_chosen").GetBoolean());
        Assert.True(report.GetProperty("evictions").GetInt64() > 0, "nothing was evicted");
        Assert.Equal("", run.Error);

        string RunReached() => report.GetProperty("verification").GetString()!;
    }

    [Fact]
    public void AGraphFileOfTheUserRunsThroughBothGraphWorkloads()
    {
        Need("portable");
        var path = _folder.WriteGzip("own.csv.gz", "from,to\n" + string.Concat(Enumerable.Range(0, 5000).Select(node => $"{node},{(node * 7 + 3) % 5000}\n")));
        foreach (var name in (string[])["bfs", "pagerank"])
        {
            var run = ToolRun.Of("run", name, "--graph", path);
            Assert.True(run.ExitCode == 0, run.Output + run.Error);
            Assert.Contains("own.csv.gz: 5,000 nodes, 5,000 edges", run.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void QuietWritesNothingAndAPlainRunWritesNoEscapeSequences()
    {
        Need("portable");
        Assert.Equal(("", ""), (ToolRun.Of("run", "triad", "--size", "1M", "--quiet") is var quiet ? (quiet.Output, quiet.Error) : default));
        Assert.DoesNotContain('\u001b', ToolRun.Of("run", "triad", "--size", "1M").Output);
    }

    [Fact]
    public void OneCpuThreadAndManyGiveTheSameData()
    {
        Need("portable");
        foreach (var threads in (string[])["1", "5"])
        {
            var run = ToolRun.Of("run", "sort", "--size", "300000", "--threads", threads, "--seed", "3", "--quiet");
            Assert.True(run.ExitCode == 0, run.Error);
        }
    }

    [Fact]
    public void DoctorEndsByTellingWhatRunWillUse()
    {
        Need("portable");
        var run = ToolRun.Of("doctor");
        Assert.Equal(Machine.Value == "real" ? 0 : 1, run.ExitCode);
        Assert.Contains(Machine.Value == "real" ? "gpusvm run will use real memory." : "gpusvm run will use portable memory:", run.Output, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(ToolRun.Of("doctor", "--json", "-").Output);
        Assert.NotEmpty(document.RootElement.GetProperty("checks").EnumerateArray());
        foreach (var check in document.RootElement.GetProperty("checks").EnumerateArray())
            Assert.True(check.GetProperty("ok").GetBoolean() || check.GetProperty("remedy").GetString()!.Length > 0, $"{check} lacks a remedy");
    }

    [Fact]
    public void EveryBenchFigureStandsBesideItsFloorOrSaysWhyNot()
    {
        Need("portable");
        if (!OperatingSystem.IsLinux())
            Assert.Skip("needs Linux: bench measures userfaultfd");
        var run = ToolRun.Of("bench", "--quick", "--json", "-");
        Assert.True(run.ExitCode == 0, run.Error);
        using var document = JsonDocument.Parse(run.Output);
        var rows = document.RootElement.GetProperty("rows").EnumerateArray().ToList();
        string[] groups =
        [
            "CPU fault round trip", "Migration bandwidth", "GPU fault without migration", "Kernel memory access", "Range bookkeeping", "Invalidation of one range",
            "Get and bind 2 MiB in RAM", "Fault service threads", "Storm of equal faults", "Prefetch beside faults", "Policies", "Oversubscription", "Thrash control", "Access counters",
        ];
        foreach (var group in groups)
            Assert.Contains(rows, row => row.GetProperty("group").GetString() == group);
        var allocated = rows.FindAll(row => row.GetProperty("name").GetString()!.StartsWith("allocated by a fault", StringComparison.Ordinal));
        Assert.Equal([0.0, 0.0, 0.0], allocated.ConvertAll(row => row.GetProperty("ours").GetDouble()));
        Assert.All(rows.Where(row => row.GetProperty("name").GetString()!.StartsWith("memory, ", StringComparison.Ordinal)), row => Assert.InRange(row.GetProperty("ours").GetDouble(), 50, 200));
        foreach (var row in rows)
        {
            Assert.DoesNotContain("WRONG DATA", row.GetProperty("note").GetString(), StringComparison.Ordinal);
            var measured = row.GetProperty("ours").ValueKind == JsonValueKind.Number && row.GetProperty("floor").ValueKind == JsonValueKind.Number;
            if (measured)
                Assert.Equal(row.GetProperty("ours").GetDouble() / row.GetProperty("floor").GetDouble(), row.GetProperty("ratio").GetDouble(), 9);
            else
                Assert.NotEqual("", row.GetProperty("note").GetString());
            Assert.Equal(measured && row.GetProperty("goal").ValueKind == JsonValueKind.Number, row.GetProperty("met").ValueKind != JsonValueKind.Null);
        }

        Assert.Equal(rows.Count(row => row.GetProperty("met").ValueKind == JsonValueKind.False), document.RootElement.GetProperty("goals_missed").GetInt32());
    }
}
