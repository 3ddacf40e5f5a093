// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Bench;

/// <summary>What a recording costs: the same workload with and without, in turns. The floor is without; a ratio of 1.05 is the goal.</summary>
internal sealed class RecordingBenchmark : IBenchmark
{
    /// <summary>What recording may cost at most.</summary>
    private const double MostRatio = 1.05;

    /// <summary>Workloads with their sizes, on a device that holds half of them, so that they fault all the while.</summary>
    private static readonly (string Name, long? Bytes, int? Scale)[] Workloads = [("triad", 24 << 20, null), ("sort", 16 << 20, null), ("bfs", null, 15)];

    /// <inheritdoc/>
    public string Title => "Recording";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        placement.Add("recording: kernels, CPU threads, service and the writer on all processors, not pinned");
        var file = Path.Combine(Path.GetTempPath(), $"gpusvm-bench-{Environment.ProcessId}.gsvmtrace");
        foreach (var (name, bytes, scale) in settings.Quick ? Workloads[..1] : Workloads)
        {
            progress.Stage($"{name}, recorded and not");
            var request = new WorkloadSettings(bytes, 1, 1, null, scale);
            var with = new Samples();
            var without = new Samples();
            var failure = "";
            var size = 0L;
            for (var round = -1; round < (settings.Quick ? 3 : 11) && failure.Length == 0; round++) // The first warms up.
            {
                foreach (var isRecorded in (bool[])(round % 2 == 0 ? [true, false] : [false, true]))
                {
                    var (milliseconds, wrong) = Time(name, request, isRecorded ? file : null, settings);
                    failure = wrong.Length > 0 ? wrong : failure;
                    if (round >= 0)
                        (isRecorded ? with : without).Add(milliseconds);
                }

                size = File.Exists(file) ? new FileInfo(file).Length : 0;
                File.Delete(file);
            }

            yield return failure.Length > 0
                ? BenchRow.Latency(Title, name, "ms", null, null, "not recorded", null, failure)
                : BenchRow.Latency(Title, name, "ms", with.Summary(1), without.Summary(1), "not recorded", MostRatio, $"a trace of {ByteSizeOf(size)}");
        }
    }

    /// <summary>Runs a workload once.</summary>
    /// <returns>Milliseconds in its kernels and between them, and what went wrong, empty for nothing.</returns>
    private static (double Milliseconds, string Failure) Time(string name, WorkloadSettings request, string? trace, BenchSettings settings)
    {
        var probe = WorkloadCatalog.Create(name);
        probe.Prepare(request, Progress.None); // How much data it has.
        var device = Math.Max(1 << 20, probe.DataBytes / 2 / 65536 * 65536);
        try
        {
            var policies = new WorkloadPolicies(PrefetchPolicy.None, EvictionPolicy.Unused, 64 << 10, TracePath: trace);
            var report = WorkloadRunner.Run(name, WorkloadCatalog.Create(name), request, policies, settings.Memory, device, [], Progress.None);
            return (report.ElapsedSeconds * 1000, report.Verified ? "" : "WRONG DATA");
        }
        catch (SharedMemoryException e)
        {
            return (0, "not measured: " + e.Message);
        }
    }

    /// <summary>A size for the note.</summary>
    private static string ByteSizeOf(long bytes) => Commands.ByteSize.Format(bytes);
}
