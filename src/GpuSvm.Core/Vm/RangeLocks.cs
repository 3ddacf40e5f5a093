// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>The locks by which one fault or prefetch at a time works on a range: a fixed number of them, chosen by the range's address, so that a range need not carry one.</summary>
/// <remarks>Two ranges that share a lock merely wait for each other now and then. A thread holds one of them at the most.</remarks>
internal sealed class RangeLocks
{
    private const int Count = 256;

    private readonly RankedLock[] _locks = new RankedLock[Count];

    /// <summary>Makes the locks.</summary>
    public RangeLocks()
    {
        for (int i = 0; i < Count; i++)
            _locks[i] = new RankedLock(LockRank.Range, "RangeLocks");
    }

    /// <summary>Takes the lock of a range.</summary>
    /// <param name="range">The range.</param>
    /// <returns>The scope that holds it.</returns>
    public RankedLock.Scope Enter(SvmRange range)
    {
        ulong page = range.Interval.Start.PageNumber;
        return _locks[(int)((page ^ (page >> 4) ^ (page >> 9)) % Count)].Enter();
    }
}
