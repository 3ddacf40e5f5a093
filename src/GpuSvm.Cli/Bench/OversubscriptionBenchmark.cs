// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Every eviction policy on every workload whose data is 1, 1.25 and 1.5 times the device's memory. Ours is the default policy, the floor the fastest of all in the same run; the note has each
/// policy's milliseconds. Every run is verified.
/// </summary>
internal sealed class OversubscriptionBenchmark : IBenchmark
{
    /// <summary>Workloads with their sizes: bytes of an array, or a graph's scale.</summary>
    private static readonly (string Name, long? Bytes, int? Scale)[] Workloads =
    [
        ("bfs", null, 15), ("pagerank", null, 14), ("triad", 16 << 20, null), ("pointer-chase", 8 << 20, null), ("ping-pong", 8 << 20, null), ("sort", 8 << 20, null),
    ];

    /// <inheritdoc/>
    public string Title => "Oversubscription";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        placement.Add("oversubscription: kernels, CPU threads and service on all processors, not pinned");
        var policies = Enum.GetValues<EvictionPolicy>();
        foreach (var (name, bytes, scale) in settings.Quick ? Workloads[2..3] : Workloads)
        {
            var request = new WorkloadSettings(bytes, Environment.ProcessorCount, 1, null, scale);
            var probe = WorkloadCatalog.Create(name);
            probe.Prepare(request, Progress.None); // How much data it has.
            foreach (var factor in settings.Quick ? [1.25] : (double[])[1.0, 1.25, 1.5])
            {
                progress.Stage($"{name} with {factor.ToString(CultureInfo.InvariantCulture)} times the device's memory");
                var device = (long)(probe.DataBytes / factor / 65536) * 65536;
                var samples = policies.Select(_ => new Samples()).ToArray();
                var failure = "";
                for (var round = settings.Quick ? 0 : -1; round < (settings.Quick ? 1 : 3); round++) // The first warms up.
                {
                    for (var i = 0; i < policies.Length && failure.Length == 0; i++)
                    {
                        var (milliseconds, wrong) = Time(name, request, device, policies[i], settings);
                        failure = wrong;
                        if (round >= 0)
                            samples[i].Add(milliseconds);
                    }
                }

                var row = $"{name}, data {factor.ToString("0.00", CultureInfo.InvariantCulture)} of device";
                if (failure.Length > 0)
                {
                    yield return BenchRow.Latency(Title, row, "ms", null, null, "the best policy", null, failure);
                    continue;
                }

                var medians = samples.Select(sample => sample.Summary(1)).ToArray();
                var best = medians.MinBy(one => one.Item1);
                yield return BenchRow.Latency(
                    Title, row, "ms", medians[(int)EvictionPolicy.Unused], best, "the best policy", null,
                    string.Join(", ", policies.Select((policy, i) => string.Create(CultureInfo.InvariantCulture, $"{policy} {medians[i].Item1:0.0}"))));
            }
        }
    }

    /// <summary>Runs a workload once.</summary>
    /// <returns>Milliseconds in its kernels and between them, and what went wrong, empty for nothing.</returns>
    private static (double Milliseconds, string Failure) Time(
        string name, WorkloadSettings request, long device, EvictionPolicy policy, BenchSettings settings)
    {
        try
        {
            var report = WorkloadRunner.Run(
                name, WorkloadCatalog.Create(name), request, new WorkloadPolicies(PrefetchPolicy.None, policy, 64 << 10), settings.Memory, device, [], Progress.None);
            return (report.ElapsedSeconds * 1000, report.Verified ? "" : $"WRONG DATA with {policy}");
        }
        catch (SharedMemoryException e)
        {
            return (0, "not measured: " + e.Message);
        }
    }
}
