// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>
/// Who must stop what runs before an event's notifiers are called, because it could not bear to lose a translation while it runs. Kernel: svm_range_evict, which quiesces
/// the process's queues, and the wait for preempt fences in xe_userptr's invalidate.
/// </summary>
/// <remarks>All stoppers of an event begin, then all are waited for, then the notifiers are started and finished, then all stoppers are told that the event has taken what it takes.
/// An event that may not block asks nobody: it is refused by the first notifier it meets.</remarks>
public interface IMmuStopper
{
    /// <summary>Begins to stop what an event takes something from.</summary>
    /// <param name="mmuEvent">The event.</param>
    /// <returns>What the other two calls are given.</returns>
    /// <remarks>Locking: called with nothing of rank Jobs or deeper held. Does not wait.</remarks>
    long BeginStop(in MmuEvent mmuEvent);

    /// <summary>Waits until it has stopped.</summary>
    /// <param name="stop">What <see cref="BeginStop"/> gave.</param>
    /// <remarks>Locking: as <see cref="BeginStop"/>; waits for units of devices, never for a lock of rank Host or outer.</remarks>
    void WaitStopped(long stop);

    /// <summary>Says that the event has taken away what it takes: nothing of it is bound any more, and what is bound anew waits for the event's end.</summary>
    /// <param name="stop">What <see cref="BeginStop"/> gave.</param>
    /// <remarks>Locking: as <see cref="BeginStop"/>.</remarks>
    void EndStop(long stop);
}
