// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>Where the units that run in one address space without faults wait while its queues are stopped.</summary>
/// <remarks>
/// A stop travels in the log of invalidations: units look at its newest number at the start of each access anyway, so a gate that is open costs them nothing. The gate is
/// closed before the number is published; a unit looks at the gate after it has read the log, and acknowledges what it read only if the gate was open then. So a unit in access that has not
/// acknowledged the stop's number is one that began before it, and waiting for its end (I3 and I4 of the drawing at <see cref="SoftwareGpuPageTable"/>) is all that is to do.
/// <see cref="Resume"/> may come between a unit's look and its wait: the wait looks again, under the monitor.
/// </remarks>
/// <param name="table">The address space's page table.</param>
internal sealed class SoftwareGpuQueueGate(SoftwareGpuPageTable table) : IDeviceQueues
{
    private readonly object _monitor = new(); // Pulsed when the gate opens; nothing is called under it.
    private bool _isClosed; // Written under _monitor; read without by units.
    private ulong _stop; // The number of the last stop. Interlocked by Volatile: read by who waits, after it was told to.

    /// <summary>Whether units must wait; looked at after the log was read.</summary>
    internal bool IsClosed => Volatile.Read(ref _isClosed); // Pairs with BeginStop, by way of the log's number.

    /// <inheritdoc/>
    public void BeginStop()
    {
        lock (_monitor)
            _isClosed = true;
        Volatile.Write(ref _stop, table.AppendStop()); // Pairs with WaitStopped.
    }

    /// <inheritdoc/>
    public void WaitStopped() => table.WaitTlbInvalidation(Volatile.Read(ref _stop)); // Pairs with BeginStop.

    /// <inheritdoc/>
    public void Resume()
    {
        lock (_monitor)
        {
            _isClosed = false;
            Monitor.PulseAll(_monitor);
        }
    }

    /// <summary>Waits until the gate is open; the unit is neither in access nor active.</summary>
    internal void Pass()
    {
        SchedulePoint.Reach(SchedulePointKind.UnitStopping, this);
        lock (_monitor)
        {
            while (_isClosed)
                Monitor.Wait(_monitor);
        }
    }
}
