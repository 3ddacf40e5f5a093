// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>A thread of the process that runs threads of schedules, one after the other: to begin a thread for each would cost more than the schedule.</summary>
internal sealed class ScheduleWorker : IDisposable
{
    private readonly SemaphoreSlim _turn = new(0);
    private readonly Thread _thread;
    private ScheduleRun? _run; // Written before the first turn, read in it. Null: end.
    private ScheduledThread? _scheduled;
    private Action? _body;

    /// <summary>Starts it.</summary>
    public ScheduleWorker()
    {
        _thread = new Thread(Serve) { IsBackground = true, Name = "gpusvm schedule" };
        _thread.Start();
    }

    /// <summary>Says what to run when the turn comes.</summary>
    /// <param name="run">The schedule.</param>
    /// <param name="scheduled">The thread.</param>
    /// <param name="body">What it does.</param>
    public void Assign(ScheduleRun run, ScheduledThread scheduled, Action body) => (_run, _scheduled, _body) = (run, scheduled, body);

    /// <summary>Gives it the turn.</summary>
    public void GiveTurn() => _turn.Release();

    /// <summary>Waits for the turn; called on its own thread.</summary>
    public void AwaitTurn() => _turn.Wait();

    /// <summary>Ends it; nothing is assigned.</summary>
    public void Dispose()
    {
        _run = null;
        _turn.Release();
        _thread.Join();
        _turn.Dispose();
    }

    /// <summary>Runs what is assigned, until nothing is.</summary>
    private void Serve()
    {
        while (true)
        {
            _turn.Wait();
            if (_run is not { } run)
                return;
            ScheduledThread scheduled = _scheduled!;
            Exception? thrown = null;
            ThreadStripe.Give(scheduled.Id);
            SchedulePoint.Join(scheduled);
            try
            {
                run.Begin(scheduled);
                _body!();
            }
            catch (Exception exception)
            {
                thrown = exception;
            }

            SchedulePoint.Join(null);
            (_run, _scheduled, _body) = (null, null, null);
            run.End(scheduled, this, thrown);
        }
    }
}
