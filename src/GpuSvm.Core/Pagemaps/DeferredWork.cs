// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// Work that must not be done where it is found to be due: the last reference to a pagemap may go under any lock, but letting go of its device may free and
/// wait. Queued without a lock, done by a pool thread. Kernel: the llist and work item of drm_pagemap_dev_hold.
/// </summary>
public abstract class DeferredWork
{
    private static readonly object _done = new(); // Pulsed when the queue has been worked off.
    private static DeferredWork? _head; // A stack; Interlocked.
    private static int _pending; // Queued and not done. Interlocked.

    private DeferredWork? _next; // Written before it is queued, read by the one that takes the stack.

    /// <summary>Queues the work. An object may be queued once.</summary>
    /// <remarks>Locking: none; may be called anywhere.</remarks>
    public void Queue()
    {
        Interlocked.Increment(ref _pending); // Pairs with Work and Flush.
        DeferredWork? head = Volatile.Read(ref _head); // Pairs with the exchange below.
        while (true)
        {
            _next = head;
            DeferredWork? seen = Interlocked.CompareExchange(ref _head, this, head);
            if (ReferenceEquals(seen, head))
                break;
            head = seen;
        }

        if (head is null)
            ThreadPool.UnsafeQueueUserWorkItem(static _ => Work(), null); // The others find a worker on its way.
    }

    /// <summary>Waits until everything queued so far has been done. Kernel: flush_work at module exit.</summary>
    /// <remarks>Locking: nothing may be held.</remarks>
    public static void Flush()
    {
        Work(); // Help: the pool may be busy.
        lock (_done)
        {
            while (Volatile.Read(ref _pending) > 0) // Pairs with the decrement in Work.
                Monitor.Wait(_done, millisecondsTimeout: 1);
        }
    }

    /// <summary>Does the work.</summary>
    /// <remarks>Locking: called with nothing held.</remarks>
    protected abstract void Run();

    /// <summary>Works the queue off.</summary>
    private static void Work()
    {
        DeferredWork? work = Interlocked.Exchange(ref _head, null);
        for (; work is not null; Interlocked.Decrement(ref _pending))
        {
            DeferredWork? next = work._next;
            work.Run();
            work = next;
        }

        lock (_done)
            Monitor.PulseAll(_done);
    }
}
