// SPDX-License-Identifier: MIT
using System.Text.Json;

namespace GpuSvm.Cli.Tests;

/// <summary>Every workload on devices that are too small for it by a little and by much: verified, with pages leaving the device.</summary>
public sealed class OversubscriptionTests
{
    /// <summary>Workloads with arguments that keep them small.</summary>
    private static readonly string[] Small =
    [
        "bfs --scale 14", "pagerank --scale 13", "triad --size 6M", "pointer-chase --size 4M", "ping-pong --size 4M", "sort --size 4M",
    ];

    /// <summary>Every workload by every factor, with the policies in turn.</summary>
    public static TheoryData<string, double, string> Runs()
    {
        var data = new TheoryData<string, double, string>();
        string[] policies = ["", "--evict clock --chunk 64K --prefetch tree", "--evict tree --chunk 64K --prefetch sequential", "--evict random --chunk 4K", "--evict fifo"];
        foreach (var arguments in Small)
        {
            foreach (var factor in (double[])[1.1, 1.25, 1.5, 4])
                data.Add(arguments, factor, policies[data.Count % policies.Length]);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void ItVerifiesAndPagesComeAndGo(string arguments, double factor, string policies)
    {
        EndToEndTests.Need("portable");
        var data = Run($"{arguments} --device-memory 64M").GetProperty("data_bytes").GetInt64();
        var report = Run($"{arguments} {policies} --device-memory {(long)(data / factor)}");
        Assert.True(report.GetProperty("verified").GetBoolean());
        Assert.Equal("hold", report.GetProperty("invariants").GetString());
        Assert.True(report.GetProperty("bytes_to_ram").GetInt64() > 0);
        if (factor > 1.5 && !arguments.StartsWith("bfs", StringComparison.Ordinal)) // Of a graph a part may never be touched.
            Assert.True(report.GetProperty("evictions").GetInt64() > 0, "nothing was evicted");
    }

    /// <summary>Runs the tool and reads its report.</summary>
    private static JsonElement Run(string arguments)
    {
        var run = ToolRun.Of(["run", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--threads", "2", "--json", "-"]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        using var document = JsonDocument.Parse(run.Output);
        return document.RootElement.Clone();
    }
}
