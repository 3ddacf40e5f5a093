// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Simulation.Exploring;

/// <summary>
/// Searches the interleavings of a program for one in which something goes wrong: runs schedule after schedule, each on a fresh machine, and stops at the first that fails.
/// </summary>
/// <remarks>
/// <para>The code that runs is the product's; what it says at its schedule points (<see cref="SchedulePoint"/>) is all the explorer knows of it. The process must have been started with checks on
/// (<see cref="CoreSwitches.Checks"/>): without them there are no points.</para>
/// <para><b>What is a failure:</b> a deadlock, a livelock, a broken invariant, a byte lost or out of date, a lock out of order, something not given back, a wrong answer, an exception.</para>
/// <para>One explorer at a time in a process: what invariants record while they happen, and what is put off, is the process's.</para>
/// </remarks>
public sealed class ScheduleExplorer : IDisposable
{
    private readonly IExploredProgram _program;
    private readonly ScheduleWorkers _workers = new();

    /// <summary>Prepares an exploration.</summary>
    /// <param name="program">What is explored.</param>
    /// <exception cref="InvalidOperationException">The process runs without checks.</exception>
    public ScheduleExplorer(IExploredProgram program)
    {
        if (!CoreSwitches.Checks)
            throw new InvalidOperationException("Schedules can be explored only where checks are on: set the switch GpuSvm.Checks (AppContext, or RuntimeHostConfigurationOption in the project) before Core is used first.");
        _program = program;
        DeferredWork.DoByHand(true);
        WorkThread.DoByHand(true);
    }

    /// <summary>What all schedules so far have come past.</summary>
    public ScheduleCoverage Coverage { get; } = new();

    /// <summary>Runs schedules until one fails, none is left, or a limit is reached.</summary>
    /// <param name="strategy">Chooses them.</param>
    /// <param name="limits">How far to go.</param>
    /// <param name="progress">Hears how far it has come, some times a second; null for nobody.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>What was found.</returns>
    public ExplorationResult Explore(IScheduleStrategy strategy, ExplorationLimits limits, Action<ExplorationProgress>? progress = null, CancellationToken cancellation = default)
    {
        long start = Stopwatch.GetTimestamp();
        long told = start;
        long schedules = 0;
        int longest = 0;
        ScheduleResult? failed = null;
        while (failed is null && schedules < limits.MaxSchedules && !cancellation.IsCancellationRequested && strategy.TryBegin())
        {
            ScheduleResult result = RunOne(strategy, limits.MaxSteps, records: false, watches: false);
            schedules++;
            longest = Math.Max(longest, result.Steps);
            failed = result.Failure is null || IsRuntimesOwn(result, limits.MaxSteps) ? null : result;
            if ((schedules & 15) != 0)
                continue;
            if (limits.MaxTime != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(start) >= limits.MaxTime)
                break;
            if (progress is not null && Stopwatch.GetElapsedTime(told).TotalMilliseconds >= 200)
            {
                progress(ProgressOf(strategy, schedules, start));
                told = Stopwatch.GetTimestamp();
            }
        }

        var exhaustive = strategy as ExhaustiveStrategy;
        return new ExplorationResult(failed, ProgressOf(strategy, schedules, start), exhaustive?.Exhausted ?? -1, exhaustive?.Cut ?? 0, longest);
    }

    /// <summary>Whether what was allocated under a notifier lock (INV-25) was the runtime's: it allocates where a path is first run, or compiled anew, and not the next time.</summary>
    /// <param name="failed">A schedule that failed.</param>
    /// <param name="maxSteps">After how many steps it counts as a livelock.</param>
    /// <returns>True if the same schedule does not fail again.</returns>
    private bool IsRuntimesOwn(ScheduleResult failed, int maxSteps) =>
        failed.Failure!.Message.StartsWith("INV-25:", StringComparison.Ordinal) && Replay(failed.Decisions, maxSteps, records: false).Failure is null;

    /// <summary>Runs one recorded schedule again.</summary>
    /// <param name="decisions">Its choices.</param>
    /// <param name="maxSteps">After how many steps it counts as a livelock.</param>
    /// <param name="records">Whether its steps are kept.</param>
    /// <returns>How it went.</returns>
    public ScheduleResult Replay(DecisionString decisions, int maxSteps, bool records)
    {
        var strategy = new ReplayStrategy(decisions);
        strategy.TryBegin();
        return RunOne(strategy, maxSteps, records, watches: records);
    }

    /// <summary>Runs the next schedule of a strategy and keeps its steps, without how things stood at each.</summary>
    /// <param name="strategy">Chooses.</param>
    /// <param name="maxSteps">After how many steps it counts as a livelock.</param>
    /// <returns>How it went; null if there is none left.</returns>
    public ScheduleResult? RunNext(IScheduleStrategy strategy, int maxSteps) => strategy.TryBegin() ? RunOne(strategy, maxSteps, records: true, watches: false) : null;

    /// <summary>Finds a schedule with fewer preemptions that fails in the same way: leaves choices out, one after the other, as long as that works.</summary>
    /// <param name="failed">A schedule that failed.</param>
    /// <param name="limits">After how many steps a schedule counts as a livelock.</param>
    /// <returns>The smallest one found; the same if none is smaller.</returns>
    public ScheduleResult Shrink(ScheduleResult failed, ExplorationLimits limits)
    {
        ScheduleResult best = failed;
        for (bool isSmaller = true; isSmaller;)
        {
            isSmaller = false;
            foreach (int number in best.Decisions.Choices.Keys.Reverse().ToArray())
            {
                ScheduleResult tried = Replay(best.Decisions.Without(number), limits.MaxSteps, records: false);
                if (tried.Failure is null || !tried.Failure.IsLike(failed.Failure!) || tried.Decisions.Choices.Count >= best.Decisions.Choices.Count)
                    continue;
                best = tried;
                isSmaller = true;
                break;
            }
        }

        return best;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        WorkThread.DoByHand(false);
        DeferredWork.DoByHand(false);
        _workers.Dispose();
    }

    /// <summary>How far an exploration has come.</summary>
    /// <param name="strategy">What chooses.</param>
    /// <param name="schedules">Schedules run.</param>
    /// <param name="start">When it began.</param>
    /// <returns>The numbers.</returns>
    private ExplorationProgress ProgressOf(IScheduleStrategy strategy, long schedules, long start) =>
        new(schedules, Stopwatch.GetElapsedTime(start), Coverage.Points, Coverage.Pairs, (strategy as ExhaustiveStrategy)?.Level ?? -1);

    /// <summary>Runs one schedule on a fresh machine.</summary>
    /// <param name="strategy">Chooses; it has begun.</param>
    /// <param name="maxSteps">After how many steps it counts as a livelock.</param>
    /// <param name="records">Whether its steps are kept.</param>
    /// <param name="watches">Whether the steps say how things stood.</param>
    /// <returns>How it went.</returns>
    private ScheduleResult RunOne(IScheduleStrategy strategy, int maxSteps, bool records, bool watches)
    {
        ThreadStripe.Give(-1);
        try
        {
            using IExploredMachine machine = _program.Build();
            using var run = new ScheduleRun(machine, strategy, _workers, Coverage, maxSteps, records, watches);
            return run.Execute();
        }
        finally
        {
            ThreadStripe.Give(null);
        }
    }
}
