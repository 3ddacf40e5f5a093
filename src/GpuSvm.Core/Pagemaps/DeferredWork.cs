// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// Work that must not be done where it is found to be due: the last reference to a pagemap may go under any lock, but letting go of its device may free and
/// wait. Made where allocating is allowed, queued anywhere without a lock or an allocation, done by one worker thread. The worker lives as long as there is work that may
/// yet be queued, so that nothing is left behind once every device is closed. Kernel: the llist and work item of drm_pagemap_dev_hold.
/// </summary>
public abstract class DeferredWork
{
    private static readonly object _gate = new(); // Guards _open and _hasWorker; pulsed when the queue has been worked off.
    private static readonly SemaphoreSlim _queued = new(0); // Released for each piece of work, and for the end of the last.
    private static DeferredWork? _head; // A stack; Interlocked.
    private static int _pending; // Queued and not done. Interlocked.
    private static int _open; // Made, and neither done nor cancelled. Guarded by _gate.
    private static bool _hasWorker; // Guarded by _gate.
    private static bool _isByHand; // Guarded by _gate.

    private DeferredWork? _next; // Written before it is queued, read by the one that takes the stack.

    /// <summary>Makes work that will be queued or cancelled, and a worker for it if there is none.</summary>
    /// <remarks>Locking: may allocate and start a thread: only where that is allowed.</remarks>
    protected DeferredWork()
    {
        lock (_gate)
        {
            _open++;
            if (_hasWorker || _isByHand)
                return;
            _hasWorker = true;
        }

        new Thread(Serve) { IsBackground = true, Name = "gpusvm deferred work" }.Start();
    }

    /// <summary>Queues the work. An object may be queued once.</summary>
    /// <remarks>Locking: none; may be called anywhere.</remarks>
    public void Queue()
    {
        Interlocked.Increment(ref _pending); // Pairs with Work and Flush.
        for (DeferredWork? head = Volatile.Read(ref _head);;) // Pairs with the exchange in Work.
        {
            _next = head;
            DeferredWork? seen = Interlocked.CompareExchange(ref _head, this, head);
            if (ReferenceEquals(seen, head))
                break;
            head = seen;
        }

        if (!Volatile.Read(ref _isByHand)) // Pairs with DoByHand.
            _queued.Release();
        else
            SchedulePoint.TryStart("deferred work", Work);
    }

    /// <summary>Says that work that was made will not be queued.</summary>
    /// <remarks>Locking: nothing may be held.</remarks>
    public void Cancel() => Close();

    /// <summary>Waits until everything queued so far has been done. Kernel: flush_work at module exit.</summary>
    /// <remarks>Locking: nothing may be held.</remarks>
    public static void Flush()
    {
        Work(); // Help: the worker may not have been scheduled yet.
        lock (_gate)
        {
            while (Volatile.Read(ref _pending) > 0) // Pairs with the decrement in Work, which comes before the pulse.
                Monitor.Wait(_gate);
        }
    }

    /// <summary>From now on, or not any more, nothing is done by a thread of its own: what is queued is done by a thread beside the one that queues it, if that is scheduled, and by <see cref="Flush"/>. So that
    /// schedules repeat.</summary>
    /// <param name="isByHand">Whether.</param>
    /// <remarks>Locking: nothing may be held, and nothing may be open.</remarks>
    internal static void DoByHand(bool isByHand)
    {
        Flush();
        lock (_gate)
            Volatile.Write(ref _isByHand, isByHand); // Pairs with Queue.
    }

    /// <summary>Does the work.</summary>
    /// <remarks>Locking: called with nothing held.</remarks>
    protected abstract void Run();

    /// <summary>The worker: works the queue off until no work is left that could be queued.</summary>
    private static void Serve()
    {
        while (true)
        {
            Work();
            lock (_gate)
            {
                if (_open == 0)
                {
                    _hasWorker = false;
                    return;
                }
            }

            _queued.Wait();
        }
    }

    /// <summary>Works the queue off.</summary>
    private static void Work()
    {
        DeferredWork? work = Interlocked.Exchange(ref _head, null); // Pairs with Queue.
        while (work is not null)
        {
            DeferredWork? next = work._next;
            work.Run();
            Interlocked.Decrement(ref _pending); // Pairs with Flush.
            Close();
            work = next;
        }
    }

    /// <summary>Counts a piece of work as over; wakes those who flush, and after the last one the worker, so that it ends.</summary>
    private static void Close()
    {
        lock (_gate)
        {
            if (--_open == 0 && _hasWorker)
                _queued.Release();
            Monitor.PulseAll(_gate);
        }
    }
}
