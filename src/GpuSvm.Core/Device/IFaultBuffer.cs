// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Device;

/// <summary>The device's queue of faults. A fault is acknowledged exactly once, with what really became of it.</summary>
public interface IFaultBuffer
{
    /// <summary>Takes waiting faults, oldest first; waits for the first one.</summary>
    /// <param name="faults">Where to put them.</param>
    /// <returns>How many; 0 only once <see cref="Close"/> was called and nothing is left.</returns>
    int Fetch(Span<GpuFault> faults);

    /// <summary>Ends one fault: <see cref="SvmStatus.Done"/> replays the access, anything else fails it with that status.</summary>
    /// <param name="fault">The fault as fetched.</param>
    /// <param name="status">What became of it.</param>
    void Acknowledge(in GpuFault fault, SvmStatus status);

    /// <summary>Ends faults that were fetched together and came to the same. A device that lets several waiters go at once does it here; others end them one by one.</summary>
    /// <param name="faults">The faults as fetched, in the order in which they were raised.</param>
    /// <param name="status">What became of each.</param>
    void Acknowledge(ReadOnlySpan<GpuFault> faults, SvmStatus status)
    {
        foreach (ref readonly GpuFault fault in faults)
            Acknowledge(fault, status);
    }

    /// <summary>Puts a fault back at the end of the queue, to be fetched again: it was neither served nor refused.</summary>
    /// <param name="fault">The fault as fetched.</param>
    void Requeue(in GpuFault fault);

    /// <summary>What the device could not note for want of room since this was last asked.</summary>
    /// <param name="overflow">What was dropped.</param>
    /// <returns>False if nothing was, as in a buffer that has room for everything.</returns>
    bool TryTakeOverflow(out FaultOverflow overflow)
    {
        overflow = default;
        return false;
    }

    /// <summary>Lets <see cref="Fetch"/> return 0 when empty.</summary>
    void Close();
}
