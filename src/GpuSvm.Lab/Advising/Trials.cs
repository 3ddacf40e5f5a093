// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Advising;

/// <summary>Replays settings, several at once, and remembers what came of them. Locking: called by one thread.</summary>
/// <param name="options">The workload and the machine.</param>
/// <param name="cancellation">Ends the search.</param>
internal sealed class Trials(AdvisorOptions options, CancellationToken cancellation)
{
    private readonly Dictionary<Trial, ReplayResult?> _known = [];
    private long _failedByDefault; // Accesses that the program's own advice forbids, say.

    /// <summary>Accesses replayed.</summary>
    public long ReplayedAccesses { get; private set; }

    /// <summary>Replays made.</summary>
    public int Count => _known.Count;

    /// <summary>Takes in the replay with the defaults: no other may fail more accesses than it.</summary>
    /// <param name="trial">What was replayed.</param>
    /// <param name="result">What came of it.</param>
    public void Begin(Trial trial, ReplayResult result)
    {
        _known[trial] = result;
        _failedByDefault = result.FailedAccesses;
        ReplayedAccesses += result.Accesses;
    }

    /// <summary>Makes replays that were not made yet.</summary>
    /// <param name="trials">What to replay.</param>
    /// <param name="told">Told after each of how many of them are done; by any thread, one at a time.</param>
    public void Run(IEnumerable<Trial> trials, Action<int, int> told)
    {
        Trial[] left = [.. trials.Distinct().Where(trial => !_known.ContainsKey(trial))];
        var results = new ReplayResult?[left.Length];
        int done = 0;
        var gate = new Lock(); // Guards done, and calls of told.
        Parallel.For(0, left.Length, new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation }, index =>
        {
            results[index] = Run(left[index]);
            lock (gate)
                told(++done, left.Length);
        });
        foreach ((Trial trial, ReplayResult? result) in left.Zip(results))
        {
            _known[trial] = result;
            ReplayedAccesses += result?.Accesses ?? 0;
        }
    }

    /// <summary>What came of a replay that was made.</summary>
    /// <param name="trial">Which.</param>
    /// <returns>The result; null where it cannot be done.</returns>
    public ReplayResult? Result(Trial trial) => _known[trial];

    /// <summary>The time of a replay that was made.</summary>
    /// <param name="trial">Which.</param>
    /// <returns>Nanoseconds; infinity where it cannot be done, or more accesses fail than with the defaults.</returns>
    public double Time(Trial trial) => _known[trial] is { } result && result.FailedAccesses <= _failedByDefault ? result.ModelledNanoseconds : double.PositiveInfinity;

    /// <summary>The time of a replay that was made, for a report.</summary>
    /// <param name="trial">Which.</param>
    /// <returns>Nanoseconds; null for infinity.</returns>
    public double? FiniteTime(Trial trial) => double.IsFinite(Time(trial)) ? Time(trial) : null;

    /// <summary>Makes a replay.</summary>
    /// <param name="trial">Which.</param>
    /// <returns>What came of it; null where it cannot be done.</returns>
    private ReplayResult? Run(Trial trial)
    {
        try
        {
            ReplaySettings machine = options.Machine with { CostModel = CostModels.Find(trial.CostModel)!, Policies = options.Machine.Policies with { Seed = trial.Seed } };
            return AdvisedReplay.Run(machine, options.Create(trial.Seed), trial.Settings, trial.MostAccesses);
        }
        catch (ReplayException)
        {
            return null; // As a policy that brings more along than there is RAM: it is no candidate.
        }
    }
}
