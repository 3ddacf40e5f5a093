// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using GpuSvm.Cli.Watch;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm top` against this very process, which shares memory while it is watched, and against what is no monitor.</summary>
/// <remarks>Never beside another test class: a process has one monitor.</remarks>
[Collection(nameof(AloneInTheProcess))]
public sealed class TopTests
{
    private const int DeviceBytes = 1 << 20;
    private static readonly string Self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    [Fact]
    public void OneFrameAsJsonShowsRatesResidencyAndTheHottestBlocks()
    {
        EndToEndTests.Need("portable");
        using var memory = Open();
        using var array = memory.Allocate<long>(DeviceBytes / 2); // Four times the device.
        using var stop = new CancellationTokenSource();
        var worker = Work(memory, array, stop.Token);
        var run = ToolRun.Of("top", Self, "--once", "--json");
        var again = ToolRun.Of("top", Self, "--once");
        stop.Cancel();
        worker.Join();
        Assert.True(run.ExitCode == 0, run.Error);
        using var document = JsonDocument.Parse(Assert.Single(run.Output.TrimEnd().Split('\n')));
        var frame = document.RootElement;
        Assert.Equal(Environment.ProcessId, frame.GetProperty("pid").GetInt32());
        Assert.InRange(frame.GetProperty("seconds").GetDouble(), 0.9, 30);
        var shown = Assert.Single(frame.GetProperty("memories").EnumerateArray());
        Assert.Equal("portable", shown.GetProperty("kind").GetString());
        Assert.Equal(DeviceBytes, shown.GetProperty("device_bytes_total").GetInt64());
        Assert.Equal(4 * DeviceBytes, shown.GetProperty("heap_bytes").GetInt64());
        foreach (var name in (string[])["gpu_faults_per_second", "bytes_to_device_per_second", "bytes_to_ram_per_second", "evictions_per_second", "invalidations_per_second"])
            Assert.True(shown.GetProperty(name).GetDouble() > 0, name);
        Assert.True(shown.GetProperty("gpu_fault_p50_ns").GetInt64() is var median && median > 0 && median <= shown.GetProperty("gpu_fault_p99_ns").GetInt64());
        var hottest = shown.GetProperty("blocks")[0];
        Assert.InRange(hottest.GetProperty("address").GetInt64(), array.Address - (2 << 20), array.Address + array.LengthInBytes);
        Assert.True(hottest.GetProperty("gpu_faults").GetInt64() > 0 && hottest.GetProperty("bytes_to_device").GetInt64() > 0);
        Assert.True(hottest.GetProperty("is_thrashing").GetBoolean()); // The same pages, over and over, on a device that is too small.

        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Contains("thrashing", again.Output, StringComparison.Ordinal);
        Assert.Contains(" of 1 MiB", again.Output, StringComparison.Ordinal);
        Assert.Contains("hottest 2 MiB", again.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", again.Output, StringComparison.Ordinal); // Not a terminal: no colours.
    }

    [Fact]
    public void WithoutANumberTheOnlyProcessIsFoundAndTwoWatchersDoNotDisturbEachOther()
    {
        EndToEndTests.Need("portable");
        using var folder = new RuntimeFolder();
        using var memory = Open();
        Assert.Equal([Environment.ProcessId], ProcessWatch.Find().Where(pid => pid == Environment.ProcessId));
        using var one = ProcessWatch.Open(Environment.ProcessId);
        using (var other = ProcessWatch.Open(Environment.ProcessId))
            Assert.Equal(one.Ask()!.Memories!.Count, other.Ask()!.Memories!.Count);
        Assert.NotNull(one.Ask());
    }

    [Fact]
    public void AMemoryThatIsClosedWhileItIsWatchedEndsTheWatchInWords()
    {
        EndToEndTests.Need("portable");
        var memory = Open();
        var closer = new Thread(() =>
        {
            Thread.Sleep(300);
            memory.Dispose();
        });
        closer.Start();
        var run = ToolRun.Of("top", Self, "--once");
        closer.Join();
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("has ended or closed its shared memory", run.Error, StringComparison.Ordinal);
        run = ToolRun.Of("top", Self, "--once");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("GPUSVM_MONITOR=1", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("top 2147483647", "does not exist")]
    [InlineData("top 1 --once", "GPUSVM_MONITOR=1")]
    [InlineData("top abc", "not a whole number")]
    [InlineData("top --onec", "did you mean '--once'?")]
    public void WhatCannotBeWatchedIsSaid(string arguments, string expected)
    {
        var run = ToolRun.Of(arguments.Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\n", "no monitor of this version")]
    [InlineData("{\"version\":2,\"memories\":[]}\n", "no monitor of this version")]
    [InlineData("{\"version\":1,\"memories\":[{}]}\n", "no monitor of this version")]
    [InlineData("{\"version\":1,\"memories\":null}\n", "no monitor of this version")]
    [InlineData("{\"version\":1,\"error\":\"too late\"}\n", "too late")]
    public void AForeignPeerIsNotBelieved(string answer, string expected)
    {
        using var folder = new RuntimeFolder();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.Path, "gpusvm-2147483646.sock")));
        listener.Listen();
        var server = new Thread(() =>
        {
            using var peer = listener.Accept();
            peer.Receive(new byte[100]);
            peer.Send(Encoding.UTF8.GetBytes(answer));
        });
        server.Start();
        var run = ToolRun.Of("top", "2147483646", "--once");
        server.Join();
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatADeadProcessHasLeftBehindIsRemoved()
    {
        using var folder = new RuntimeFolder();
        var path = Path.Combine(folder.Path, "gpusvm-2147483645.sock");
        File.WriteAllText(path, ""); // Nobody listens there: as refused as a socket without its process.
        File.WriteAllText(path + "x", "");
        Assert.DoesNotContain(2147483645, ProcessWatch.Find());
        Assert.False(File.Exists(path));
        Assert.True(File.Exists(path + "x"));
    }

    [Fact]
    public void RatesAreOfTheTimeBetweenTwoAnswers()
    {
        WatchedMemory Memory(long faults, long bytes, long[] times) =>
            new(1, "real", 100, 40, 30, 60, 5, faults, 0, 0, bytes, 0, 0, 0, 0, times, [], 2, [new WatchedBlock(4096, 1, 0, 0, 0, 0, 3), new WatchedBlock(8192, 1, 0, 0, 0, 0, 4)]);
        var frame = TopFrame.Between(
            new WatchedFrame(1, null, 7, "x", 1_000_000_000, [Memory(10, 1000, [0, 10])]), new WatchedFrame(1, null, 7, "x", 3_000_000_000, [Memory(30, 5000, [0, 10, 0, 0, 20])]));
        var memory = Assert.Single(frame.Memories);
        Assert.Equal((2.0, 10.0, 2000.0, 60L), (frame.Seconds, memory.GpuFaultsPerSecond, memory.BytesToDevicePerSecond, memory.RamBytes));
        Assert.InRange(memory.GpuFaultP50Ns, 8, 15); // The ten quick ones came before.
        Assert.Equal([false, true], memory.Blocks.Select(block => block.IsThrashing));
    }

    /// <summary>Opens a portable memory that can be watched.</summary>
    private static SharedMemory Open() => SharedMemory.Create(new SharedMemoryOptions
    {
        Memory = MemoryKind.Portable, Thrash = ThrashPolicy.None, DeviceMemoryBytes = DeviceBytes, CapacityBytes = 1 << 28, ComputeUnits = 1, LargestChunkBytes = 65536, Monitor = true,
    });

    /// <summary>Lets a kernel write all of an array until it is told to stop.</summary>
    private static Thread Work(SharedMemory memory, SharedArray<long> array, CancellationToken stop)
    {
        var thread = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var launch = memory.Launch(
                    context =>
                    {
                        for (nint i = 0; i < array.Length; i += 512)
                            context.Store(array, i, 1L);
                    },
                    1);
                launch.Wait();
            }
        });
        thread.Start();
        return thread;
    }

    /// <summary>A folder where sockets lie, for this process's own environment as the tool in it sees it.</summary>
    private sealed class RuntimeFolder : IDisposable
    {
        private readonly string? _before = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");

        /// <summary>Makes the folder and puts it into the environment.</summary>
        public RuntimeFolder() => Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", Path);

        /// <summary>The folder; short, for a socket's path is.</summary>
        public string Path { get; } = Directory.CreateTempSubdirectory("gpusvm-").FullName;

        /// <summary>Removes it.</summary>
        public void Dispose()
        {
            Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", _before);
            Directory.Delete(Path, recursive: true);
        }
    }
}
