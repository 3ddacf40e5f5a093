// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// How many accesses a second one thread replays, of a workload that fits, of one that does not, and from a file, and that its memory does not grow with them. The floor is the generator alone, whose records nobody takes: no replay can be faster.
/// </summary>
internal sealed class ReplayBenchmark : IBenchmark
{
    /// <summary>Accesses a second, in millions, that a replay must do.</summary>
    private const double Goal = 5;

    /// <inheritdoc/>
    public string Title => "Replay";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var iterations = settings.Quick ? 4 : 40;
        placement.Add($"replay: one thread, first on CPU {CpuPlacement.Current()}, not pinned");
        foreach (var (name, oversubscription) in ((string Name, double? Oversubscription)[])[("hotspot", null), ("hotspot", 1.25), ("bfs", null), ("gups", 1.25), ("sgemm", null)])
        {
            progress.Stage($"replaying {name}");
            var workload = WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = 12 << 20, Iterations = name == "sgemm" ? 1 : iterations });
            var counter = new TraceFootprint();
            workload.Generate(counter);
            var none = new NoSink();
            var floor = Rate(counter.Accesses, () => workload.Generate(none));
            var replay = new ReplaySettings { Oversubscription = oversubscription, Policies = new ReplayPolicies { Chunk = "64K", Prefetch = "tree" } };
            var ours = Rate(counter.Accesses, () => replay.Run(workload));
            yield return Row(name + (oversubscription is { } ratio ? $", {ratio * 100:0} % of the device" : ", all of it fits"), ours, floor, "generator alone", $"{Format.Count(counter.Accesses)} accesses");
        }

        yield return FromFile(iterations, progress);
        yield return Memory(iterations, progress);
    }

    /// <summary>What a replay allocates in many rounds, beside what it does in one: it must go with what is touched, not with how many accesses there are.</summary>
    private BenchRow Memory(int iterations, Progress progress)
    {
        const double MostGrowth = 1.1;
        progress.Stage("replaying for its memory");
        static double Allocated(int rounds)
        {
            var workload = WorkloadKinds.Find("hotspot")!.Create(new WorkloadOptions { Bytes = 12 << 20, Iterations = rounds });
            var before = GC.GetAllocatedBytesForCurrentThread();
            new ReplaySettings { Policies = new ReplayPolicies { Chunk = "64K", Prefetch = "tree" } }.Run(workload);
            return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)(1 << 20);
        }

        var (ours, floor) = (Allocated(iterations), Allocated(1));
        return BenchRow.Latency(Title, $"memory allocated, hotspot, {iterations} rounds", "MiB", (ours, ours), (floor, floor), "one round", MostGrowth, "12 MiB are touched");
    }

    /// <summary>Replays a file.</summary>
    private BenchRow FromFile(int iterations, Progress progress)
    {
        progress.Stage("replaying a trace file");
        var path = Path.GetTempFileName();
        try
        {
            var workload = WorkloadKinds.Find("triad")!.Create(new WorkloadOptions { Iterations = iterations });
            long accesses;
            using (var writer = TraceWriter.Create(path, new TraceHeader { Source = workload.Description }))
            {
                workload.Generate(writer);
                writer.Complete();
                accesses = writer.Records;
            }

            var recorded = new RecordedWorkload(path);
            var none = new NoSink();
            var floor = Rate(accesses, () => recorded.Generate(none));
            var ours = Rate(accesses, () => new ReplaySettings().Run(recorded));
            return Row("triad from a file, all of it fits", ours, floor, "reader alone", $"{new FileInfo(path).Length / (double)accesses:0.00} bytes an access");
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A rate beside its floor.</summary>
    private BenchRow Row(string name, double ours, double floor, string floorName, string note)
        => BenchRow.Rate(Title, name, ours, floor, floorName, Goal / floor, $"{note}; the goal is {Goal} million a second", "M/s");

    /// <summary>Millions of accesses a second: the median of three rounds, after one that does not count.</summary>
    private static double Rate(long accesses, Action work)
    {
        work();
        var rates = new Samples();
        for (var round = 0; round < 3; round++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            rates.Add(accesses / Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        return rates.Summary(1).Median;
    }

    /// <summary>Takes records and does nothing.</summary>
    private sealed class NoSink : ITraceSink
    {
        /// <inheritdoc/>
        public void Access(in TraceAccess access)
        {
            // That is the point.
        }

        /// <inheritdoc/>
        public void Kernel(in TraceKernel kernel)
        {
            // Here too.
        }

        /// <inheritdoc/>
        public void Mapping(in TraceMapping mapping)
        {
            // Here too.
        }

        /// <inheritdoc/>
        public void Advice(in TraceAdvice advice)
        {
            // Here too.
        }

        /// <inheritdoc/>
        public void Prefetch(in TracePrefetch prefetch)
        {
            // Here too.
        }

        /// <inheritdoc/>
        public void Bind(in TraceBind bind)
        {
            // Here too.
        }

        /// <inheritdoc/>
        public void Event(in Core.Diagnostics.SvmEvent one)
        {
            // Here too.
        }
    }
}
