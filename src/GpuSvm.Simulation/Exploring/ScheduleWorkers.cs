// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>Workers that have nothing to do.</summary>
/// <remarks>Locking: none; used by the thread in turn, or between schedules.</remarks>
internal sealed class ScheduleWorkers : IDisposable
{
    private readonly Stack<ScheduleWorker> _idle = [];

    /// <summary>Takes one.</summary>
    /// <returns>A worker with nothing assigned.</returns>
    public ScheduleWorker Take() => _idle.TryPop(out ScheduleWorker? worker) ? worker : new ScheduleWorker();

    /// <summary>Puts one back.</summary>
    /// <param name="worker">A worker that is about to wait for its turn.</param>
    public void Put(ScheduleWorker worker) => _idle.Push(worker);

    /// <summary>Ends them all.</summary>
    public void Dispose()
    {
        while (_idle.TryPop(out ScheduleWorker? worker))
            worker.Dispose();
    }
}
