// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// GPU faults on different ranges served by two threads at once: each gets and binds its own ranges of 64 KiB in RAM, whose pages lie scattered; then an
/// event, which is not timed, takes them away, and again. The floor is one thread with its own, in the same run.
/// </summary>
internal sealed class FaultThreadsBenchmark : IBenchmark
{
    /// <summary>As many times one thread's rate as two must reach.</summary>
    private const double Goal = 1.7;

    /// <summary>Pages of a range.</summary>
    private const int Pages = 16;

    /// <summary>Ranges of each thread.</summary>
    private const int Ranges = 1_024;

    /// <inheritdoc/>
    public string Title => "Fault service threads";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var rounds = settings.Quick ? 40 : 400;
        placement.Add("fault service threads: one and two threads, not pinned");
        foreach (var (name, distance) in ((string, long)[])[("one notifier window", Ranges * Pages), ("two notifier windows", 1 << 18)])
        {
            progress.Stage($"faults on two threads, {name}");
            var rates = new Samples[] { new(), new() };
            for (var repeat = 0; repeat < 3; repeat++)
            {
                for (var threads = 1; threads <= 2; threads++)
                    rates[threads - 1].Add(Serve(threads, rounds, distance));
            }

            yield return BenchRow.Rate(Title, $"two threads, {name}", rates[1].Median, rates[0].Median, "one thread", Goal, "64 KiB in RAM, not moved", "faults/s");
        }
    }

    /// <summary>The median of faults a second over the rounds, all threads together.</summary>
    private static double Serve(int threads, int rounds, long distance)
    {
        using var machine = new SimulatedMachine(3 * Ranges * Pages, distance + (Ranges * Pages), PageOrder.Medium);
        machine.Populate(SimulatedMachine.Shuffled(threads * Ranges * Pages, threads).Select(page => (page / (Ranges * Pages) * distance) + (page % (Ranges * Pages))));
        var rates = new Samples();
        var (starts, ends) = (new long[threads], new long[threads]);
        var round = -5;
        using var begin = new Barrier(threads);
        using var end = new Barrier(threads, _ =>
        {
            if (round++ >= 0)
                rates.Add(threads * Ranges / Stopwatch.GetElapsedTime(starts.Min(), ends.Max()).TotalSeconds);
            machine.Invalidate(machine.Mapped);
        });
        var workers = Array.ConvertAll(Enumerable.Range(0, threads).ToArray(), thread => new Thread(() =>
        {
            while (round < rounds)
            {
                begin.SignalAndWait();
                starts[thread] = Stopwatch.GetTimestamp();
                for (var range = 0; range < Ranges; range++)
                    machine.Fault(machine.At((thread * distance) + (range * Pages)));
                ends[thread] = Stopwatch.GetTimestamp();
                end.SignalAndWait();
            }
        }));
        foreach (var worker in workers)
            worker.Start();
        foreach (var worker in workers)
            worker.Join();
        return rates.Median;
    }
}
