// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>The pause in a loop that looks again: spins, then yields, in the end sleeps. Where threads are scheduled, it hands the turn on.</summary>
/// <remarks>For conditions that come true soon and by themselves. A mutable struct: keep it in a local variable for the time of the loop.</remarks>
internal struct Pause
{
    private SpinWait _spin;

    /// <summary>Whether the next pause gives the processor away, so that a wait in a monitor is worth its cost. Always where threads are scheduled.</summary>
    public readonly bool IsLong => _spin.NextSpinWillYield || SchedulePoint.IsScheduled;

    /// <summary>Pauses.</summary>
    public void Once()
    {
        if (!SchedulePoint.TryYield())
            _spin.SpinOnce();
    }

    /// <summary>Pauses until a subject may have changed, and says that it does.</summary>
    /// <param name="subject">What somebody signals, or nobody: then it is as <see cref="Once()"/>.</param>
    public void Once(object subject)
    {
        if (!SchedulePoint.TryWait(subject))
            _spin.SpinOnce();
    }

    /// <summary>Sleeps before something is tried again.</summary>
    /// <param name="milliseconds">How long; 0 lets others go on.</param>
    public static void Sleep(int milliseconds)
    {
        if (!SchedulePoint.TryYield())
            Thread.Sleep(milliseconds);
    }
}
