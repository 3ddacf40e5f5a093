// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Linux;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Stress;

/// <summary>
/// Runs a scenario again and again on the process's own memory, with real threads, real faults and real system calls, until something goes wrong: what the explorer has found to hold on simulated
/// memory is seen to hold on userfaultfd.
/// </summary>
/// <remarks>
/// <para>With each run goes a schedule of the explorer. A run that follows it holds each thread at the points where the schedule took its turn away, until the other has come as far as it did there; the other
/// runs only count how often they come into the same windows. So one sees whether the stress reaches what the explorer reaches.</para>
/// <para>What goes wrong is judged as in the explorer, by the same machine: <see cref="ScenarioMachine"/>. An order of threads cannot be forced here, so a failure comes with the delays that led to it, which lead to it again
/// more often than not.</para>
/// <para>One at a time in a process, and no explorer beside it: the hook at schedule points, injected failures and what invariants record are the process's.</para>
/// </remarks>
public sealed class StressExplorer
{
    private const int Batch = 16; // Schedules that are made at a time.
    private const int MaxSteps = 20_000;

    private readonly Scenario _scenario;
    private readonly StressPlan _plan;
    private readonly StressLog _log = new();
    private readonly ScheduleCoverage _seen = new();
    private readonly ScheduleCoverage _explored = new();
    private readonly Queue<(DecisionString Decisions, IReadOnlyList<StressHold> Holds)> _schedules = new();
    private readonly Dictionary<DelayMode, StressWindows> _windows = [];
    private IScheduleStrategy _strategy;

    /// <summary>Prepares it.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="plan">How runs are delayed.</param>
    /// <exception cref="InvalidOperationException">The process runs without checks.</exception>
    /// <exception cref="HostMemoryUnavailableException">Real memory is not to be had here; the message names the remedy.</exception>
    public StressExplorer(Scenario scenario, StressPlan plan)
    {
        if (!CoreSwitches.Checks)
            throw new InvalidOperationException("Without checks there are no schedule points: set the switch GpuSvm.Checks before Core is used first.");
        if (!UserfaultHostMemory.TryProbe(out string reason))
            throw new HostMemoryUnavailableException(reason);
        _scenario = scenario;
        _plan = plan;
        _strategy = plan.MakeStrategy();
    }

    /// <summary>Runs until a run fails or a limit is reached.</summary>
    /// <param name="limits">How far to go: schedules are runs.</param>
    /// <param name="progress">Hears how far it has come, some times a second; null for nobody.</param>
    /// <returns>What was found.</returns>
    public StressResult Explore(ExplorationLimits limits, Action<StressProgress>? progress = null)
    {
        long start = Stopwatch.GetTimestamp();
        long told = start;
        StressFailure? failed = null;
        long runs = 0;
        for (; failed is null && runs < limits.MaxSchedules; runs++)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (limits.MaxTime != Timeout.InfiniteTimeSpan && elapsed >= limits.MaxTime)
                break;
            if (progress is not null && Stopwatch.GetElapsedTime(told).TotalMilliseconds >= 200)
            {
                progress(ProgressAt(runs, elapsed));
                told = Stopwatch.GetTimestamp();
            }

            failed = RunOne(runs);
        }

        return new StressResult(failed, ProgressAt(runs, Stopwatch.GetElapsedTime(start)));
    }

    /// <summary>How far it has come.</summary>
    /// <param name="runs">Runs so far.</param>
    /// <param name="elapsed">Time so far.</param>
    /// <returns>The numbers.</returns>
    private StressProgress ProgressAt(long runs, TimeSpan elapsed) => new(
        runs,
        elapsed,
        _seen.Pairs,
        _explored.Pairs,
        _explored.CountShared(_seen),
        _windows.GetValueOrDefault(DelayMode.None),
        _windows.GetValueOrDefault(DelayMode.Random),
        _windows.GetValueOrDefault(DelayMode.Follow));

    /// <summary>Runs once.</summary>
    /// <param name="number">The run, from 0.</param>
    /// <returns>The failure; null for none.</returns>
    private StressFailure? RunOne(long number)
    {
        if (_schedules.Count == 0)
            MakeSchedules();
        (DecisionString decisions, IReadOnlyList<StressHold> holds) = _plan.Schedule is null ? _schedules.Dequeue() : _schedules.Peek();
        DelayMode mode = _plan.ModeOf(number);
        ulong seed = _plan.Seed + (_plan.KeepsSeed ? 0 : (ulong)number);
        int count = _scenario.Threads.Count;
        StressThread[] threads = [.. _scenario.Threads.Select((thread, i) => new StressThread(i, thread.Name))];
        var following = new FollowingDelays(holds, count, mode == DelayMode.Follow ? _plan.LongestHold : TimeSpan.Zero);
        _log.Clear();
        var director = new StressDirector(threads, _log, following, mode == DelayMode.Random ? new RandomDelays(seed, count) : null);
        var run = new StressRun(_scenario, threads, director, _plan.Patience);
        using (run)
            run.Execute();
        _windows[mode] = _windows.GetValueOrDefault(mode).Add(following.Windows, following.Hits);
        _log.AddTo(_seen);
        return director.Failure is not { } failure ? null : new StressFailure(failure, mode, seed, decisions, run.IsStuck);
    }

    /// <summary>Has the explorer make schedules for the next runs.</summary>
    private void MakeSchedules()
    {
        using var explorer = new ScheduleExplorer(_scenario);
        if (_plan.Schedule is { } given)
        {
            Take(explorer.Replay(given, MaxSteps, records: true));
            return;
        }

        for (int i = 0; i < Batch; i++)
        {
            ScheduleResult? next = explorer.RunNext(_strategy, MaxSteps);
            if (next is null)
                _strategy = _plan.MakeStrategy();
            if ((next ?? explorer.RunNext(_strategy, MaxSteps)) is { } made)
                Take(made);
        }
    }

    /// <summary>Takes a schedule for a run.</summary>
    /// <param name="schedule">The schedule.</param>
    private void Take(ScheduleResult schedule)
    {
        int threads = _scenario.Threads.Count;
        StressLog.Follow(FollowedSchedule.Shared(schedule.Trace!, threads), _explored);
        _schedules.Enqueue((schedule.Decisions, FollowedSchedule.Make(schedule.Trace!, threads)));
    }
}
