// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Tests;

/// <summary>Runs an action once, when a given schedule point is reached: the other column of a race, forced into its place.</summary>
internal sealed class AtPoint : IDisposable
{
    private int _left;

    /// <summary>Installs the hook.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="action">What happens there. It runs on the thread that reaches the point, or starts another.</param>
    /// <param name="nth">Which time the point is reached, from 1.</param>
    public AtPoint(SchedulePointKind kind, Action action, int nth = 1)
    {
        _left = nth;
        SchedulePoint.Install((reached, _) =>
        {
            if (reached == kind && Interlocked.Decrement(ref _left) == 0)
            {
                action();
                HasRun = true;
            }
        });
    }

    /// <summary>Whether the action has run.</summary>
    public bool HasRun { get; private set; }

    /// <summary>Removes the hook and asserts that the point was reached.</summary>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        Assert.True(HasRun, "The schedule point was never reached: the test forces nothing.");
    }
}
