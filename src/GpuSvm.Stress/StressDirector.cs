// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>Hears of every schedule point of one run: notes it, and delays who has come there.</summary>
/// <remarks>The hook of <see cref="SchedulePoint"/> leads here; in the product there is none, and the points fold away. Locking: none of its own; its parts have theirs.</remarks>
/// <param name="threads">The scenario's threads.</param>
/// <param name="log">Gets every point.</param>
/// <param name="following">Holds threads as a schedule says, or counts only.</param>
/// <param name="random">Delays at random; null for none.</param>
internal sealed class StressDirector(StressThread[] threads, StressLog log, FollowingDelays following, RandomDelays? random)
{
    private ScheduleFailure? _failure; // Interlocked; the first one stays.

    /// <summary>The first failure; null for none.</summary>
    public ScheduleFailure? Failure => Volatile.Read(ref _failure); // Pairs with Fail.

    /// <summary>Where the threads stand.</summary>
    public string Stand => string.Join("; ", threads.Select(thread => thread.Stands));

    /// <summary>Something went wrong.</summary>
    /// <param name="failure">What.</param>
    public void Fail(ScheduleFailure failure) => Interlocked.CompareExchange(ref _failure, failure, null); // Pairs with Failure.

    /// <summary>The calling thread has come to a point.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned; null for none.</param>
    public void Come(SchedulePointKind kind, object? subject)
    {
        if (StressThread.Current is not { } thread)
        {
            random?.Come(-1, kind);
            return;
        }

        string name = SubjectNames.Of(subject);
        StressPoint point = thread.Come(kind, name);
        if (StressPoint.IsOnBoth(kind, name))
            log.Add(thread.Number, kind, name);
        following.Come(thread.Number, point);
        random?.Come(thread.Number, kind);
    }

    /// <summary>A thread begins an operation.</summary>
    /// <param name="thread">Its number; -1 for what comes before and after the threads.</param>
    /// <param name="operation">The operation's number.</param>
    public void Begin(int thread, int operation)
    {
        if (thread >= 0)
            threads[thread].Begin(operation);
    }

    /// <summary>A thread has done all it had to.</summary>
    /// <param name="thread">The thread.</param>
    public void End(StressThread thread)
    {
        thread.End();
        following.Pass(thread.Number, hasEnded: true);
    }

    /// <summary>What was done for a thread's touch is done; it comes to no further point before it goes on itself.</summary>
    /// <param name="thread">The thread.</param>
    public void Rest(StressThread thread) => following.Pass(thread.Number, hasEnded: false);

    /// <summary>Who touches a page.</summary>
    /// <param name="address">An address in it.</param>
    /// <returns>The thread; null if none of the scenario's does.</returns>
    public StressThread? ToucherOf(VirtualAddress address) => Array.Find(threads, thread => thread.Touched.PageNumber == address.PageNumber);

    /// <summary>Who waits for an event of its own to be read; null for nobody, or for several.</summary>
    public StressThread? Changer => threads.Count(thread => thread.IsChanging) == 1 ? Array.Find(threads, thread => thread.IsChanging) : null;
}
