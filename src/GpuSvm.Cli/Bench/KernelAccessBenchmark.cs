// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What translation costs a kernel when nothing faults: data that is on the device already is streamed and gathered through the context's calls, and
/// by
/// as many threads through raw pointers into private huge pages. Streaming is the triad and a sum, random is 8-byte elements in random order.
/// </summary>
internal sealed class KernelAccessBenchmark : IBenchmark
{
    /// <summary>What figures are compared with.</summary>
    private const string Floor = "raw pointers, as many threads";

    /// <summary>The share of raw speed that streaming must reach.</summary>
    private const double StreamingGoal = 0.95;

    /// <summary>The share of raw speed that random access must reach.</summary>
    private const double RandomGoal = 0.60;

    /// <summary>How long both sides run before they are measured, so that their code is compiled as well as it will be.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.8);

    /// <inheritdoc/>
    public string Title => "Kernel memory access";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var length = (settings.Quick ? 16 << 20 : 64 << 20) / sizeof(double);
        var rounds = settings.Quick ? 5 : 9;
        progress.Stage($"kernel access, 3 arrays of {ByteSize.Format(length * (long)sizeof(double))}");
        try
        {
            using var raw = new RawAccess(length, Environment.ProcessorCount);
            using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = (4L * length * sizeof(double)) + (64 << 20) });
            var kernels = new AccessKernels(memory, raw, length);
            using var native = new NativeAccessKernels(memory, kernels.Arrays, TriadWorkload.Factor);
            double bytes = (double)length * sizeof(double);
            (double, double) Managed(KernelBody kernel)
            {
                kernels.Total = 0;
                return (kernels.Run(kernel), kernels.Total);
            }

            var rows = new List<BenchRow>();
            progress.Stage("kernel access: streaming triad");
            rows.Add(Compare("triad, C# kernel, tiles", 3 * bytes, rounds, kernels, () => Managed(kernels.Triad), raw.Triad, StreamingGoal));
            rows.Add(native.Problem.Length > 0
                ? BenchRow.Rate(Title, "triad, C kernel, windows", null, null, Floor, StreamingGoal, "not measured: " + native.Problem)
                : Compare("triad, C kernel, windows", 3 * bytes, rounds, kernels, () => (native.Triad(), 0), raw.Triad, StreamingGoal));
            progress.Stage("kernel access: streaming sum");
            rows.Add(Compare("sum, C# kernel, tiles", bytes, rounds, kernels, () => Managed(kernels.Sum), raw.Sum, StreamingGoal));
            rows.Add(native.Problem.Length > 0
                ? BenchRow.Rate(Title, "sum, C kernel, windows", null, null, Floor, StreamingGoal, "not measured: " + native.Problem)
                : Compare("sum, C kernel, windows", bytes, rounds, kernels, () => (native.Sum(), native.Total), raw.Sum, StreamingGoal));
            progress.Stage("kernel access: random gather");
            rows.Add(Compare("random gather, C# kernel", bytes, rounds, kernels, () => Managed(kernels.Gather), raw.Gather, RandomGoal));
            return rows;
        }
        catch (SharedMemoryException e)
        {
            return [BenchRow.Rate(Title, "streaming and random", null, null, Floor, StreamingGoal, "not measured: " + e.Message)];
        }
    }

    /// <summary>Measures one pattern both ways in turn, so that both see the same weather, and compares medians.</summary>
    private BenchRow Compare(string name, double bytes, int rounds, AccessKernels kernels, Func<(double Seconds, double Total)> kernel, Action<int> raw, double? goal)
    {
        var (ours, floor) = (new Samples(), new Samples());
        long faults = 0;
        var warmUp = Stopwatch.StartNew();
        for (var round = 0; round < rounds;)
        {
            var before = kernels.Memory.Statistics.GpuFaults;
            var (elapsed, kernelTotal) = kernel();
            kernels.Raw.Total = 0;
            var start = Stopwatch.GetTimestamp();
            kernels.Raw.Run(raw);
            var rawElapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;

            // Sums of small whole numbers are exact in any order; both sides must have read the same.
            if (kernelTotal != kernels.Raw.Total)
            {
                return BenchRow.Rate(
                    Title, name, null, null, Floor, goal, $"WRONG DATA: the kernel's sum is {kernelTotal}, raw pointers give {kernels.Raw.Total}");
            }

            if (warmUp.Elapsed < WarmUp)
                continue;
            round++;
            faults += kernels.Memory.Statistics.GpuFaults - before;
            ours.Add(bytes / elapsed / 1e9);
            floor.Add(bytes / rawElapsed / 1e9);
        }

        return BenchRow.Rate(Title, name, ours.Median, floor.Median, Floor, goal, faults == 0 ? "" : $"with {faults} GPU faults in {rounds} rounds");
    }
}
