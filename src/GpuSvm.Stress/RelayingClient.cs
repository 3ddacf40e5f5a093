// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>Stands between the real memory and the address space: what a service thread does for a touch or a call of a scenario's thread counts as that thread's, and an exception fails the run, not the process.</summary>
/// <param name="inner">The address space.</param>
/// <param name="director">Knows the threads.</param>
internal sealed class RelayingClient(IHostMemoryClient inner, StressDirector director) : IHostMemoryClient
{
    private int _active; // Calls under way. Interlocked.

    /// <summary>Whether a call is under way.</summary>
    public bool IsActive => Volatile.Read(ref _active) != 0; // Pairs with the interlocked changes.

    /// <inheritdoc/>
    public SvmStatus CpuFault(VirtualAddress address, MemoryAccess access)
    {
        Interlocked.Increment(ref _active);
        StressThread? before = StressThread.Current;
        StressThread.Current = director.ToucherOf(address);
        try
        {
            SchedulePoint.Reach(SchedulePointKind.HostOperation, nameof(SimulatedOperation.CpuFault));
            SvmStatus status = inner.CpuFault(address, access);
            if (StressThread.Current is { } toucher && status is not (SvmStatus.Done or SvmStatus.Busy or SvmStatus.Retry or SvmStatus.NotMapped or SvmStatus.Unmapped))
                toucher.Refusal = status;
            return status;
        }
        catch (Exception thrown)
        {
            director.Fail(ScheduleFailure.Of("who serves a fault", thrown));
            return SvmStatus.InvalidArgument; // Refused: whoever touches gets an answer, and the run ends.
        }
        finally
        {
            if (StressThread.Current is { } served)
                director.Rest(served);
            StressThread.Current = before;
            Interlocked.Decrement(ref _active);
        }
    }

    /// <inheritdoc/>
    public void EnterEventGate()
    {
        Interlocked.Increment(ref _active);
        StressThread.Current ??= director.Changer;
        inner.EnterEventGate();
    }

    /// <inheritdoc/>
    public void LeaveEventGate()
    {
        Relay(inner.LeaveEventGate);
        SchedulePoint.Reach(SchedulePointKind.HostOperation, nameof(SimulatedOperation.EventHandled));
        if (Thread.CurrentThread.Name is not { } name || !name.StartsWith(RealProgramMemory.ThreadPrefix, StringComparison.Ordinal))
            StressThread.Current = null; // A thread of the memory's own has worked for somebody.
        Interlocked.Decrement(ref _active);
    }

    /// <inheritdoc/>
    public void Unmapped(AddressRange interval) => Relay(() => inner.Unmapped(interval));

    /// <inheritdoc/>
    public void Discarded(AddressRange interval) => Relay(() => inner.Discarded(interval));

    /// <inheritdoc/>
    public void ProtectionChanged(AddressRange interval) => Relay(() => inner.ProtectionChanged(interval));

    /// <inheritdoc/>
    public void Remapped(AddressRange from, AddressRange to) => Relay(() => inner.Remapped(from, to));

    /// <summary>Passes something on.</summary>
    /// <param name="call">The call.</param>
    private void Relay(Action call)
    {
        try
        {
            call();
        }
        catch (Exception thrown)
        {
            director.Fail(ScheduleFailure.Of("who applies an event", thrown));
        }
    }
}
