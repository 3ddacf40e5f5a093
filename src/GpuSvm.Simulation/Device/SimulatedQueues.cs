// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>What runs on a simulated GPU in one address space without faults: its units begin no access while it is stopped.</summary>
/// <param name="gpu">The device's number.</param>
/// <param name="units">The units of the address space; all are made before anything runs.</param>
/// <remarks>Locking: none: one thread runs at a time, and nothing here is looked at and changed with a schedule point in between.</remarks>
public sealed class SimulatedQueues(int gpu, IReadOnlyList<SimulatedUnit> units) : IDeviceQueues, IScheduleSubject
{
    private bool _isStopped;

    /// <inheritdoc/>
    public string ScheduleName => $"queues of GPU {gpu}";

    /// <inheritdoc/>
    public void BeginStop()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        _isStopped = true;
    }

    /// <inheritdoc/>
    public void WaitStopped()
    {
        foreach (SimulatedUnit unit in units)
        {
            while (unit.IsInAccess)
            {
                if (!SchedulePoint.TryWait(unit))
                    Thread.Yield();
            }
        }
    }

    /// <inheritdoc/>
    public void Resume()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        _isStopped = false;
        SchedulePoint.Signal(this);
    }

    /// <summary>Waits until a unit may begin an access; it does so before anybody else has a turn.</summary>
    internal void AwaitRunning()
    {
        SchedulePoint.Reach(SchedulePointKind.SequenceRead, this);
        while (_isStopped)
        {
            if (!SchedulePoint.TryWait(this))
                Thread.Yield();
        }
    }
}
