// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// Removes ranges whose memory the CPU has unmapped. Events may only queue them, since removal needs the VM; the next fault, or whoever freed the memory,
/// does the rest. Kernel: xe_svm_garbage_collector.
/// </summary>
/// <remarks>Locking: the queue has a lock of its own (CollectorQueue), usable under Notifier; links are in the ranges, so queueing allocates nothing.</remarks>
internal sealed class RangeCollector(GpuVm vm)
{
    private readonly RankedLock _lock = new(LockRank.CollectorQueue, "RangeCollector");
    private GpuRange? _head; // Guarded by _lock; peeked without.

    /// <summary>Whether something is queued; advisory.</summary>
    public bool HasWork => Volatile.Read(ref _head) is not null; // Pairs with the writes in Queue and Pop.

    /// <summary>Queues a range; twice is once.</summary>
    /// <param name="range">The range, marked unmapped.</param>
    public void Queue(GpuRange range)
    {
        using (_lock.Enter())
        {
            if (range.IsQueued)
                return;
            range.IsQueued = true;
            range.Get();
            range.NextQueued = _head;
            Volatile.Write(ref _head, range); // Pairs with HasWork.
        }
    }

    /// <summary>Removes everything queued.</summary>
    /// <remarks>Locking: takes Vm for write; must hold nothing.</remarks>
    public void Collect()
    {
        if (!HasWork)
            return;
        SchedulePoint.Reach(SchedulePointKind.Collect, this);
        using (vm.Lock.EnterWrite())
        {
            while (Pop() is { } range)
            {
                vm.RemoveOwned(range);
                range.Put();
            }
        }
    }

    /// <summary>Takes one range off the queue.</summary>
    /// <returns>The range with the queue's reference, or null.</returns>
    private GpuRange? Pop()
    {
        using (_lock.Enter())
        {
            GpuRange? range = _head;
            if (range is not null)
            {
                Volatile.Write(ref _head, range.NextQueued); // Pairs with HasWork.
                range.NextQueued = null;
            }

            return range;
        }
    }
}
