// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Faults;

/// <summary>The faults of a VM that were refused: the first ones since the list was last taken, for they are what the others follow from, and how many there were in all.</summary>
/// <remarks>Locking: one leaf lock. Adding allocates nothing.</remarks>
public sealed class FailedFaults
{
    /// <summary>How many are kept.</summary>
    public const int Capacity = 64;

    private readonly RankedLock _lock = new(LockRank.Leaf, "FailedFaults");
    private readonly FailedFault[] _faults = new FailedFault[Capacity]; // Guarded by _lock.
    private int _count; // Of those kept. Guarded by _lock.
    private long _dropped; // Since the list was last taken. Guarded by _lock.

    /// <summary>Adds one.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="status">Why it was refused.</param>
    /// <param name="device">The number in the VM of its device.</param>
    internal void Add(in GpuFault fault, SvmStatus status, int device)
    {
        using (_lock.Enter())
        {
            if (_count == Capacity)
                _dropped++;
            else
                _faults[_count++] = new FailedFault(fault.Address, fault.Access, status, device, fault.Timestamp);
        }
    }

    /// <summary>Takes the oldest ones out of the list.</summary>
    /// <param name="faults">Where to.</param>
    /// <param name="dropped">How many were not kept, for the list was full, since this was last asked for.</param>
    /// <returns>How many were taken.</returns>
    public int Take(Span<FailedFault> faults, out long dropped)
    {
        using (_lock.Enter())
        {
            int taken = Math.Min(faults.Length, _count);
            _faults.AsSpan(0, taken).CopyTo(faults);
            _faults.AsSpan(taken, _count - taken).CopyTo(_faults);
            _count -= taken;
            dropped = _dropped;
            _dropped = 0;
            return taken;
        }
    }
}
