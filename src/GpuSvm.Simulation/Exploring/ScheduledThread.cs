// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>A thread of a schedule: what it is about to do, and what it waits for.</summary>
/// <remarks>Everything here is used by the thread in turn alone; the turn's semaphore orders one thread's use before the next one's.</remarks>
/// <param name="run">The schedule.</param>
/// <param name="id">Its number.</param>
/// <param name="name">Its name.</param>
/// <param name="worker">The thread of the process that runs it.</param>
internal sealed class ScheduledThread(ScheduleRun run, int id, string name, ScheduleWorker worker) : IScheduledThread
{
    /// <summary>Its number.</summary>
    public int Id { get; } = id;

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>What it does at this moment.</summary>
    public ScheduledState State { get; set; } = ScheduledState.Ready;

    /// <summary>The lock it is about to take; null if it is about to do something else.</summary>
    public ScheduleSubject? WantedLock { get; set; }

    /// <summary>Whether it wants the lock shared.</summary>
    public bool WantsShared { get; set; }

    /// <summary>What it waits for.</summary>
    public object? AwaitedSubject { get; set; }

    /// <summary>Whether its wait may end: it has been signalled, others have done something, or time has passed.</summary>
    public bool MayLook { get; set; }

    /// <summary>The hash of its last step.</summary>
    public ulong History { get; set; } = (ulong)id + 1;

    /// <summary>Objects it was the first to come to.</summary>
    public int Found { get; set; }

    /// <summary>Whether it can go on.</summary>
    public bool IsEnabled => State switch
    {
        ScheduledState.Ready => WantedLock is not { } wanted || (wanted.Writer < 0 && (WantsShared || wanted.Readers == 0)),
        ScheduledState.Waiting or ScheduledState.Yielding => MayLook,
        _ => false,
    };

    /// <summary>The thread of the process that runs it.</summary>
    public ScheduleWorker Worker { get; } = worker;

    /// <inheritdoc/>
    public void Reach(SchedulePointKind kind, object? subject) => run.Reach(this, kind, subject);

    /// <inheritdoc/>
    public void Wait(object subject) => run.Wait(this, subject);

    /// <inheritdoc/>
    public void Yield() => run.Yield(this);

    /// <inheritdoc/>
    public void Signal(object subject) => run.Signal(this, subject);

    /// <summary>Says what it is about to do, in the program's own words.</summary>
    /// <param name="what">What.</param>
    public void Note(string what) => run.Note(this, what);

    /// <inheritdoc/>
    public void Start(string name, Action body) => run.Start(name, body);
}
