// SPDX-License-Identifier: MIT
using System.Text.Json;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm run --inject`: a run with a failure on purpose is verified, or says which status it came to.</summary>
/// <remarks>Never beside another test class: injection points are process-wide, and a neighbour's run would meet the failure.</remarks>
[Collection(nameof(AloneInTheProcess))]
public sealed class InjectTests
{
    /// <summary>Small runs that come and go between both sides.</summary>
    private const string Workload = "ping-pong --size 1M --device-memory 256K --threads 2 --quiet --json -";

    /// <summary>The points that a run reaches at all, on both memories, with what must come of a failure at them.</summary>
    public static TheoryData<string, string, int> Points()
    {
        var data = new TheoryData<string, string, int>();
        foreach (var memory in (string[])["portable", "real"])
        {
            // What the library has another way for.
            foreach (var point in (string[])["DeviceAllocate", "CopyToDevice", "CopyToHost", "FenceWait", "HostDetach", "HostStaging", "HostAttach", "HostPending", "BlockAllocate"])
                data.Add(memory, point, 0);

            // What the run cannot do without.
            foreach (var point in (string[])["HostAllocate", "PageTablePrepare", "RangeAllocate", "PagesAllocate", "NotifierAllocate", "PagemapCreate"])
                data.Add(memory, point, 1);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void ARunWithAFailureOnPurposeIsVerifiedOrNamesTheStatus(string memory, string point, int expected)
    {
        EndToEndTests.Need(memory);
        var run = ToolRun.Of(["run", .. Workload.Split(' '), "--memory", memory, "--inject", point, "--inject", $"{point}:4000000"]);
        Assert.True(run.ExitCode == expected, run.Output + run.Error);
        if (expected != 0)
        {
            Assert.StartsWith("gpusvm: the run failed with OutOfHostMemory: ", run.Error, StringComparison.Ordinal);
            return;
        }

        using var document = JsonDocument.Parse(run.Output);
        Assert.True(document.RootElement.GetProperty("verified").GetBoolean());
        Assert.Equal("hold", document.RootElement.GetProperty("invariants").GetString());
        var outcomes = document.RootElement.GetProperty("injections").EnumerateArray().ToList();
        Assert.Equal([true, false], outcomes.Select(outcome => outcome.GetProperty("failed").GetBoolean()));
        Assert.All(outcomes, outcome => Assert.True(outcome.GetProperty("hits").GetInt64() > 0));
        Assert.All(FaultInjection.Points, state => Assert.Equal((0L, 0), (state.Hits, state.Waiting))); // At rest again.
    }

    /// <summary>A CPU thread's touch that finds no memory is tried again before it ends the program.</summary>
    [Fact]
    public void ACpuTouchThatFindsNoMemoryIsServedAgain()
    {
        EndToEndTests.Need("real");
        var run = ToolRun.Of(["run", .. Workload.Split(' '), "--memory", "real", "--inject", "HostPopulate", "--inject", "WorkspaceAllocate"]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        using var document = JsonDocument.Parse(run.Output);
        Assert.All(document.RootElement.GetProperty("injections").EnumerateArray(), outcome => Assert.True(outcome.GetProperty("failed").GetBoolean()));
    }

    [Fact]
    public void TheTableSaysWhatFailedOnPurpose()
    {
        EndToEndTests.Need("portable");
        var run = ToolRun.Of("run", "ping-pong", "--size", "1M", "--memory", "portable", "--inject", "copytodevice:2", "--inject", "HostDiscard");
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("CopyToDevice: hit 2 of ", run.Output, StringComparison.Ordinal);
        Assert.Contains("failed on purpose", run.Output, StringComparison.Ordinal);
        Assert.Contains("HostDiscard: hit 1 of 0 never came", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CopyToDevise", "did you mean CopyToDevice?")]
    [InlineData("Nonsense", "the points are DeviceAllocate, CopyToDevice, ")]
    [InlineData("CopyToDevice:0", "from 1 to")]
    [InlineData("CopyToDevice:x", "as CopyToDevice:1")]
    public void APointOrHitThatIsNoneEndsWithTwoAndTheNames(string text, string expected)
    {
        EndToEndTests.Need("portable");
        var run = ToolRun.Of("run", "ping-pong", "--inject", text);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheListHasEveryPointWithItsPlace()
    {
        EndToEndTests.Need("portable");
        var run = ToolRun.Of("run", "--list-injections");
        Assert.Equal(0, run.ExitCode);
        var lines = run.Output.TrimEnd().Split('\n');
        Assert.True(lines.Length >= 25, run.Output);
        Assert.All(lines, line => Assert.Matches(@"^[A-Z]\w+ +\w.+, ", line));
        Assert.Contains(lines, line => line.StartsWith("HostStaging ", StringComparison.Ordinal));
    }
}
