// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// Removes ranges whose memory the CPU has unmapped, and splits those that have lost a part. Events may only queue them, since that needs the VM; the next
/// fault, or whoever freed the memory, does the rest. Kernel: xe_svm_garbage_collector.
/// </summary>
/// <remarks>Locking: the queue has a lock of its own (CollectorQueue), usable under Notifier; links are in the ranges, so queueing allocates nothing.</remarks>
internal sealed class RangeCollector(GpuVm vm)
{
    private readonly RankedLock _lock = new(LockRank.CollectorQueue, "RangeCollector");
    private GpuRange? _head; // Guarded by _lock; peeked without.

    /// <summary>Whether something is queued; advisory.</summary>
    public bool HasWork => Volatile.Read(ref _head) is not null; // Pairs with the writes in Queue and Pop.

    /// <summary>Queues a range; twice is once.</summary>
    /// <param name="range">The range, marked unmapped; or one that the mapping beneath it no longer holds.</param>
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

    /// <summary>Removes or splits everything queued.</summary>
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
                if (!range.Lost.IsEmpty && vm.Attributes.UnmappedLocked(range.Lost) != SvmStatus.Done)
                    vm.Counters.CountAdviceKept(); // No memory to cut a run: the old advice stands, which is only advice.
                if (!range.IsPartiallyUnmapped || range.Lost == range.Interval)
                    vm.RemoveOwned(range);
                else if (vm.Options.PartialUnmap == PartialUnmapMode.Split)
                    vm.Splitter.Split(range);
                else
                    KillOwned(range);
                range.Put();
            }
        }
    }

    /// <summary>What the kernel does with a range that has lost a part: what is left of it on a device comes home, and the range is removed; smaller ones are made when they are touched.</summary>
    /// <param name="range">The range.</param>
    /// <remarks>Locking: Vm owned. Pages that cannot come home stay where they are, unharmed, and are found there by the next range.</remarks>
    private void KillOwned(GpuRange range)
    {
        SvmStatus status = vm.Host.MigrateHome(range.Interval, MigrationCause.HostFault);
        if (status != SvmStatus.Done)
            vm.Counters.CountLeftOnDevice();
        vm.RemoveOwned(range);
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
                range.NextQueued = null; // It stays marked as queued: nothing queues it a second time.
            }

            return range;
        }
    }
}
