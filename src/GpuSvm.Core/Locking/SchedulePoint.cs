// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// Marks the places where the order of threads can matter: every lock, wait, sequence read, atomic step of the protocol and host operation. A test installs a hook and decides who goes
/// on; an explorer has threads join whose turns it decides. In the product the calls fold away with <see cref="CoreSwitches.Checks"/>.
/// </summary>
/// <remarks>
/// <para><b>Waits.</b> A scheduled thread must not sleep for another one that waits for its turn. So every wait here is a loop that looks at its condition, and asks
/// <see cref="TryWait"/> before it sleeps by its own means; whoever makes the condition true says so with <see cref="Signal"/>. Loops that just try again later ask
/// <see cref="TryYield"/>, or are a <see cref="Pause"/>. A signal that comes before the wait is lost, as the pulse of a monitor is; nobody relies on it, since every such wait
/// ends by itself after a moment.</para>
/// <para><b>Kernel:</b> what KCSAN and the lockdep annotations mark, as far as there is a counterpart.</para>
/// </remarks>
public static class SchedulePoint
{
    private static Action<SchedulePointKind, object?>? _hook;

    [ThreadStatic]
    private static IScheduledThread? _scheduled; // The calling thread, if its turns are decided by somebody.

    /// <summary>Installs the process-wide hook, or removes it.</summary>
    /// <param name="hook">Called on the thread that reaches a point, with the kind and the object concerned; null for none.</param>
    /// <returns>The hook that was installed before.</returns>
    public static Action<SchedulePointKind, object?>? Install(Action<SchedulePointKind, object?>? hook) => Interlocked.Exchange(ref _hook, hook);

    /// <summary>Whether a hook is installed: interleavings are being forced.</summary>
    public static bool HasHook => Volatile.Read(ref _hook) is not null; // Pairs with the exchange in Install.

    /// <summary>Whether somebody decides the calling thread's turns.</summary>
    public static bool IsScheduled => CoreSwitches.Checks && _scheduled is not null;

    /// <summary>The calling thread as its scheduler knows it; null if nobody decides its turns.</summary>
    public static IScheduledThread? Scheduled => CoreSwitches.Checks ? _scheduled : null;

    /// <summary>From now on somebody decides the calling thread's turns, or nobody any more.</summary>
    /// <param name="thread">The calling thread as its scheduler knows it; null for nobody.</param>
    public static void Join(IScheduledThread? thread) => _scheduled = thread;

    /// <summary>Says that this thread has reached a point.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="subject">The object concerned, if any.</param>
    public static void Reach(SchedulePointKind kind, object? subject)
    {
        if (!CoreSwitches.Checks)
            return;
        if (_scheduled is { } scheduled)
        {
            using (AllocationWatch.Pause())
                scheduled.Reach(kind, subject);
        }

        if (Volatile.Read(ref _hook) is not { } hook) // Pairs with the exchange in Install.
            return;
        using (AllocationWatch.Pause())
            hook(kind, subject);
    }

    /// <summary>Reaches a wait, and waits there if the thread is scheduled.</summary>
    /// <param name="subject">What has to change.</param>
    /// <returns>True if it has waited: look at the condition again. False: wait by other means.</returns>
    public static bool TryWait(object subject)
    {
        if (!CoreSwitches.Checks)
            return false;
        Reach(SchedulePointKind.Wait, subject);
        if (_scheduled is not { } scheduled)
            return false;
        using (AllocationWatch.Pause())
            scheduled.Wait(subject);
        return true;
    }

    /// <summary>Lets others go first if the thread is scheduled.</summary>
    /// <returns>True if they have: try again. False: wait by other means.</returns>
    public static bool TryYield()
    {
        if (!CoreSwitches.Checks || _scheduled is not { } scheduled)
            return false;
        using (AllocationWatch.Pause())
            scheduled.Yield();
        return true;
    }

    /// <summary>Says that what scheduled threads wait for may have come; beside whatever wakes other threads.</summary>
    /// <param name="subject">What has changed.</param>
    public static void Signal(object subject)
    {
        if (!CoreSwitches.Checks || _scheduled is not { } scheduled)
            return;
        using (AllocationWatch.Pause())
            scheduled.Signal(subject);
    }

    /// <summary>Begins a thread beside the calling one if that is scheduled.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="body">What it does.</param>
    /// <returns>False: begin it by other means.</returns>
    public static bool TryStart(string name, Action body)
    {
        if (!CoreSwitches.Checks || _scheduled is not { } scheduled)
            return false;
        using (AllocationWatch.Pause())
            scheduled.Start(name, body);
        return true;
    }
}
