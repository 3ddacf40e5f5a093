// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// GPU faults on different ranges served by two threads at once: each gets and binds its own ranges of 64 KiB in RAM, whose pages lie scattered; then an
/// event, which is not timed, takes them away, and again. The floor is one thread with its own, in the same run. What two threads reach that share nothing, not
/// even an address space, is what the machine allows: it is measured too.
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
        const string note = "64 KiB in RAM, not moved";
        var rounds = settings.Quick ? 40 : 400;
        placement.Add("fault service threads: one and two threads, not pinned");
        foreach (var (name, distance, apart, goal) in ((string, long, bool, double?)[])
            [("one notifier window", Ranges * Pages, false, Goal), ("two notifier windows", 1 << 18, false, Goal), ("nothing shared", 0, true, null)])
        {
            progress.Stage($"faults on two threads, {name}");
            var rates = new Samples[] { new(), new() };
            for (var repeat = 0; repeat < 3; repeat++)
            {
                for (var threads = 1; threads <= 2; threads++)
                    rates[threads - 1].Add(Serve(Machines(threads, distance, apart), threads, rounds, distance));
            }

            yield return BenchRow.Rate(Title, $"two threads, {name}", rates[1].Median, rates[0].Median, "one thread", goal, apart ? "an address space and a GPU for each: the machine's limit" : note, "faults/s");
        }
    }

    /// <summary>Builds the machines on which threads fault, and brings the threads' ranges into RAM.</summary>
    /// <param name="threads">How many threads.</param>
    /// <param name="distance">Pages from one thread's first range to the next one's.</param>
    /// <param name="apart">Whether each thread has a machine of its own.</param>
    private static SimulatedMachine[] Machines(int threads, long distance, bool apart) =>
        Array.ConvertAll(Enumerable.Range(0, apart ? threads : 1).ToArray(), number =>
        {
            var machine = new SimulatedMachine(3 * Ranges * Pages, distance + (Ranges * Pages), PageOrder.Medium);
            machine.Populate(SimulatedMachine.Shuffled((apart ? 1 : threads) * Ranges * Pages, threads + number)
                .Select(page => (page / (Ranges * Pages) * distance) + (page % (Ranges * Pages))));
            return machine;
        });

    /// <summary>The median of faults a second over the rounds, all threads together.</summary>
    /// <param name="machines">One for all threads, or one for each; ended here.</param>
    /// <param name="threads">How many threads.</param>
    /// <param name="rounds">How often each faults on all its ranges.</param>
    /// <param name="distance">As in <see cref="Machines"/>.</param>
    private static double Serve(SimulatedMachine[] machines, int threads, int rounds, long distance)
    {
        var rates = new Samples();
        var (starts, ends) = (new long[threads], new long[threads]);
        var round = -5;
        using var begin = new Barrier(threads);
        using var end = new Barrier(threads, _ =>
        {
            if (round++ >= 0)
                rates.Add(threads * Ranges / Stopwatch.GetElapsedTime(starts.Min(), ends.Max()).TotalSeconds);
            foreach (var machine in machines)
                machine.Invalidate(machine.Mapped);
        });
        var workers = Array.ConvertAll(Enumerable.Range(0, threads).ToArray(), thread => new Thread(() =>
        {
            var machine = machines[thread % machines.Length];
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
        foreach (var machine in machines)
            machine.Dispose();
        return rates.Median;
    }
}
