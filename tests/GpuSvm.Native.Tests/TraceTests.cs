// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Native.Tests;

/// <summary>Recordings of C programs: begun and ended by a call, by the environment, and not at all, because the program was killed.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gpusvm-trace-");

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("portable", "stop")]
    [InlineData("portable", "close")]
    [InlineData("real", "stop")]
    [InlineData("real", "close")]
    public void ARecordingIsCompleteWhetherItIsStoppedOrItsMemoryCloses(string memory, string what)
    {
        string file = Path.Combine(_folder.FullName, "run.gsvmtrace");
        CProgramTests.Run("trace.c", memory, file, what);
        Counts counts = Read(file, out TraceReader reader);
        Assert.Equal(TraceEnd.Complete, reader.End);
        RecordedSettings settings = RecordedSettings.Of(reader.Header)!;
        Assert.Equal((memory, "64K", 1, 16), (settings.Memory, settings.Chunk, settings.ComputeUnits, settings.AccessesEvery));
        Assert.Equal([2L << 20], reader.Header.DeviceMemoryBytes);
        Assert.Equal((1, 2), (counts.Mappings, counts.Kernels)); // One array; one launch begins and ends.
        Assert.True(counts.Residences > 0, "nothing was there when it began");
        Assert.True(counts.Accesses > 64 && counts.Events > 64 && counts.Binds > 0, counts.ToString());
        Assert.Equal(0, counts.Lost);
    }

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void AKilledProgramLeavesATraceThatIsGoodAsFarAsItGoes(string memory)
    {
        string file = Path.Combine(_folder.FullName, "killed.gsvmtrace");
        string program = CCompiler.Compile(["programs/trace.c"], "trace");
        using var process = Process.Start(new ProcessStartInfo(program, [NativeLibraryPath.Find(), memory, file, "forever"]) { RedirectStandardOutput = true })!;
        string? first = process.StandardOutput.ReadLine();
        Assert.SkipWhen(first != "ready" && memory == "real", $"needs userfaultfd: {first}");
        Assert.Equal("ready", first);
        long until = Environment.TickCount64 + 60_000;
        while (new FileInfo(file).Length < 100_000 && Environment.TickCount64 < until)
            Thread.Sleep(20);
        process.Kill();
        process.WaitForExit();
        Counts counts = Read(file, out TraceReader reader);
        Assert.Equal(TraceEnd.CutOff, reader.End);
        Assert.True(counts.Accesses > 100 && counts.Kernels > 2, $"{counts}: {reader.Problem}");
    }

    [Fact]
    public void TheEnvironmentRecordsAProgramThatKnowsNothingOfIt()
    {
        string file = Path.Combine(_folder.FullName, "run.gsvmtrace");
        string program = CCompiler.Compile(["programs/trace.c"], "trace");
        for (int time = 0; time < 2; time++) // The second process overwrites nothing.
        {
            var start = new ProcessStartInfo(program, [NativeLibraryPath.Find(), "portable", "-", "run"]);
            start.Environment["GPUSVM_TRACE"] = file;
            (int exitCode, string output) = CCompiler.Run(start, TimeSpan.FromMinutes(2));
            Assert.True(exitCode == 0, output);
        }

        foreach (string one in (string[])[file, Path.Combine(_folder.FullName, "run-2.gsvmtrace")])
        {
            Counts counts = Read(one, out TraceReader reader);
            Assert.Equal(TraceEnd.Complete, reader.End);
            Assert.Equal((1, 2), (counts.Mappings, counts.Kernels)); // From its opening on.
        }

        var nowhere = new ProcessStartInfo(program, [NativeLibraryPath.Find(), "portable", "-", "run"]);
        nowhere.Environment["GPUSVM_TRACE"] = "/nowhere/at/all.gsvmtrace";
        (int failed, string why) = CCompiler.Run(nowhere, TimeSpan.FromMinutes(2));
        Assert.True(failed == 1 && why.Contains("/nowhere/at/all.gsvmtrace cannot be written", StringComparison.Ordinal), why);
    }

    /// <summary>Reads a trace.</summary>
    private static Counts Read(string file, out TraceReader reader)
    {
        var counts = new Counts();
        using TraceReader opened = TraceReader.Open(file);
        opened.ReadTo(counts);
        reader = opened;
        return counts;
    }

    /// <summary>How many records there are of each kind.</summary>
    private sealed record Counts : ITraceSink
    {
        public int Accesses { get; private set; }

        public int Kernels { get; private set; }

        public int Mappings { get; private set; }

        public int Advices { get; private set; }

        public int Prefetches { get; private set; }

        public int Binds { get; private set; }

        public int Events { get; private set; }

        public int Residences { get; private set; }

        public long Lost { get; private set; }

        public void Access(in TraceAccess access) => Accesses++;

        public void Kernel(in TraceKernel kernel) => Kernels++;

        public void Mapping(in TraceMapping mapping) => Mappings++;

        public void Advice(in TraceAdvice advice) => Advices++;

        public void Prefetch(in TracePrefetch prefetch) => Prefetches++;

        public void Bind(in TraceBind bind) => Binds++;

        public void Event(in SvmEvent one) => Events++;

        public void Resident(in TraceResidence residence) => Residences++;

        void ITraceSink.Lost(in TraceLoss loss) => Lost += loss.Records;
    }
}
