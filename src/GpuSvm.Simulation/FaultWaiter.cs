// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <summary>A program thread that has faulted on a page: told to try again, or waiting for that.</summary>
internal sealed class FaultWaiter : IDisposable
{
    private readonly ManualResetEventSlim _woken = new();

    /// <summary>The page it wants.</summary>
    public ulong PageNumber { get; private set; }

    /// <summary>Prepares it for a fault.</summary>
    /// <param name="pageNumber">The page.</param>
    public void Reset(ulong pageNumber)
    {
        PageNumber = pageNumber;
        _woken.Reset();
    }

    /// <summary>Lets the thread try again. Pairs with <see cref="Wait"/>.</summary>
    public void Wake()
    {
        _woken.Set();
        SchedulePoint.Signal(this);
    }

    /// <summary>Waits until woken; returns at once if that has happened since <see cref="Reset"/>.</summary>
    public void Wait()
    {
        while (!_woken.IsSet && SchedulePoint.TryWait(this))
            ; // Whoever wakes it signals.
        _woken.Wait();
    }

    /// <inheritdoc/>
    public void Dispose() => _woken.Dispose();
}
