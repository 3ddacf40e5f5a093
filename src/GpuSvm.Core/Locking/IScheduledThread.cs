// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// A thread whose turns somebody else decides: of all such threads of one machine exactly one runs at a time. It hands its turn on at schedule points, and it never sleeps in
/// the operating system for another of them. See <see cref="SchedulePoint.Join"/>.
/// </summary>
public interface IScheduledThread
{
    /// <summary>The thread has come to a schedule point; returns when it is its turn to go on. Where it is about to take a lock, the lock is free then.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="subject">The object concerned, if any.</param>
    void Reach(SchedulePointKind kind, object? subject);

    /// <summary>Lets others go on until <see cref="Signal"/> says that a subject has changed, or until nobody else can go on: the caller looks at its condition again in any case.</summary>
    /// <param name="subject">What has to change.</param>
    void Wait(object subject);

    /// <summary>Lets others go on until one of them has done something: the caller tries again what it has failed to do.</summary>
    void Yield();

    /// <summary>What threads wait for may have come.</summary>
    /// <param name="subject">What has changed.</param>
    void Signal(object subject);

    /// <summary>Begins another thread of the same machine.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="body">What it does.</param>
    void Start(string name, Action body);
}
