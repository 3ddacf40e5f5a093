// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>What runs on a simulated GPU in one address space without faults: its units begin no access while it is stopped.</summary>
/// <param name="gpu">The device's number.</param>
/// <param name="units">The units of the address space; all are made before anything runs.</param>
/// <remarks>Locking: none: a unit says that it is inside before it looks whether it may be, and who stops it looks the other way round.</remarks>
public sealed class SimulatedQueues(int gpu, IReadOnlyList<SimulatedUnit> units) : IDeviceQueues, IScheduleSubject
{
    private bool _isStopped; // Volatile.

    /// <summary>Whether no access may begin.</summary>
    internal bool IsStopped => Volatile.Read(ref _isStopped); // Pairs with BeginStop and Resume.

    /// <inheritdoc/>
    public string ScheduleName => $"queues of GPU {gpu}";

    /// <inheritdoc/>
    public void BeginStop()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        Volatile.Write(ref _isStopped, true);
        Interlocked.MemoryBarrier(); // Pairs with SimulatedUnit: either it sees this, or it is seen inside.
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
        Volatile.Write(ref _isStopped, false); // Pairs with IsStopped.
        SchedulePoint.Signal(this);
    }

    /// <summary>Waits until a unit may begin an access; it looks again when it has said so.</summary>
    internal void AwaitRunning()
    {
        SchedulePoint.Reach(SchedulePointKind.SequenceRead, this);
        while (IsStopped)
        {
            if (!SchedulePoint.TryWait(this))
                Thread.Yield();
        }
    }
}
