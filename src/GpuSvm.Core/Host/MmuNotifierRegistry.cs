// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// All notifiers of one host address space, and the odd/even sequence that ties readers to running events. Kernel: struct mmu_notifier_subscriptions.
/// </summary>
/// <remarks>
/// The address space's sequence is even while nothing that hit a notifier is under way and odd while something is. Each notifier keeps the odd value of its
/// last hit. A reader whose notifier's value equals the current (odd) value is inside an event and waits for its end.
/// While any event is under way the tree does not change: subscriptions are put off to its end, so events can walk the tree without a lock.
/// Locking: one leaf lock, never held across a callback.
/// </remarks>
/// <param name="times">Gets the nanoseconds of each event that concerned a notifier; null for none.</param>
internal sealed class MmuNotifierRegistry(Histogram? times = null)
{
    private const int MaxStoppers = 256;

    private readonly RankedReaderWriterLock _lock = new(LockRank.Leaf, "MmuNotifierRegistry");
    private readonly object _ended = new(); // Pulsed when an event ends.
    private readonly IntervalTree<MmuIntervalNotifier> _tree = new(); // Guarded by _lock; constant while _active > 0.
    private readonly List<(MmuIntervalNotifier Notifier, bool Insert)> _deferred = []; // Guarded by _lock.
    private long _sequence = 2; // Guarded by _lock; read without it by waiters.
    private int _active; // Events under way. Guarded by _lock.
    private IMmuStopper[] _stoppers = []; // Replaced whole under _lock; read without.

    /// <summary>The number of notifiers subscribed.</summary>
    public int Count => _tree.Count;

    /// <summary>The address space's sequence at this moment, for pictures.</summary>
    public long PeekSequence => Volatile.Read(ref _sequence); // Pairs with the writes under the lock.

    /// <summary>Begins an event: every overlapping notifier has been started, and then finished, before this returns.</summary>
    /// <param name="mmuEvent">What happens.</param>
    /// <returns>False if a notifier refused because the event may not block: the change must not be made, and the event has ended. True: balance with
    /// <see cref="InvalidateEnd"/>.</returns>
    /// <remarks>Locking: must not hold Notifier or deeper.</remarks>
    public bool InvalidateStart(in MmuEvent mmuEvent)
    {
        LockOrder.AssertNothingAtOrBelow(LockRank.Notifier);
        SchedulePoint.Reach(SchedulePointKind.InvalidationStart, this);
        long start = Stopwatch.GetTimestamp();
        MmuIntervalNotifier? notifier;
        long sequence;
        using (_lock.EnterWrite())
        {
            _active++;
            notifier = _tree.FindFirst(mmuEvent.Interval);
            if (notifier is not null)
                Volatile.Write(ref _sequence, _sequence | 1); // Pairs with the waiters in ReadBegin.
            sequence = _sequence;
        }

        bool isHeard = notifier is not null;
        IMmuStopper[] stoppers = isHeard && mmuEvent.MayBlock ? Volatile.Read(ref _stoppers) : []; // Pairs with AddStopper and RemoveStopper.
        Span<long> stops = stackalloc long[stoppers.Length];
        Stop(stoppers, stops, mmuEvent);
        MmuIntervalNotifier? refused = notifier;
        while (refused is not null && RequireSubscribed(refused).Client.InvalidateStart(refused, mmuEvent, sequence))
            refused = _tree.NextOverlap(refused, mmuEvent.Interval);
        SchedulePoint.Reach(SchedulePointKind.InvalidationStarted, this);
        for (; notifier is not null && !ReferenceEquals(notifier, refused); notifier = _tree.NextOverlap(notifier, mmuEvent.Interval))
            RequireSubscribed(notifier).Client.InvalidateFinish(notifier, mmuEvent);
        for (int i = 0; i < stoppers.Length; i++)
            stoppers[i].EndStop(stops[i]);
        if (isHeard)
            times?.RecordTicks(Stopwatch.GetTimestamp() - start);
        SchedulePoint.Reach(SchedulePointKind.InvalidationCalled, this);
        if (refused is null)
            return true;
        InvalidateEnd();
        return !mmuEvent.MayBlock ? false
            : throw new InvalidOperationException($"A notifier refused an event that may block: {mmuEvent.Kind} of {mmuEvent.Interval}.");
    }

    /// <summary>Ends an event.</summary>
    public void InvalidateEnd()
    {
        using (_lock.EnterWrite())
        {
            if (--_active != 0 || ((_sequence & 1) == 0 && _deferred.Count == 0))
                return;
            if ((_sequence & 1) != 0)
                Volatile.Write(ref _sequence, _sequence + 1); // Pairs with the waiters in ReadBegin and Remove.
            foreach ((MmuIntervalNotifier notifier, bool insert) in _deferred)
            {
                if (insert)
                    _tree.Insert(notifier);
                else
                    _tree.Remove(notifier);
            }

            _deferred.Clear();
        }

        SchedulePoint.Signal(this);
        lock (_ended)
            Monitor.PulseAll(_ended);
    }

    /// <summary>Adds somebody who must stop what runs before an event takes something away.</summary>
    /// <param name="stopper">Who; not added yet.</param>
    /// <exception cref="InvalidOperationException">There are too many.</exception>
    public void AddStopper(IMmuStopper stopper)
    {
        using (_lock.EnterWrite())
        {
            if (_stoppers.Length == MaxStoppers)
                throw new InvalidOperationException($"An address space has room for {MaxStoppers} VMs without faults.");
            Volatile.Write(ref _stoppers, [.. _stoppers, stopper]); // Pairs with InvalidateStart.
        }
    }

    /// <summary>Takes one of them out; events under way may still call it.</summary>
    /// <param name="stopper">Who.</param>
    public void RemoveStopper(IMmuStopper stopper)
    {
        using (_lock.EnterWrite())
            Volatile.Write(ref _stoppers, Array.FindAll(_stoppers, other => !ReferenceEquals(other, stopper))); // As above.
    }

    /// <summary>Subscribes a notifier. During an event the subscription takes effect at its end, and readers wait until then .</summary>
    /// <param name="notifier">A notifier that is not subscribed.</param>
    public void Insert(MmuIntervalNotifier notifier)
    {
        using (_lock.EnterWrite())
        {
            InvariantRecord.Require(!notifier.IsSubscribed, "INV-28", "a notifier was subscribed twice");
            notifier.IsSubscribed = true;
            if (_active == 0)
            {
                notifier.SetSequence((_sequence - 1) | 1);
                _tree.Insert(notifier);
                return;
            }

            // An event that began before us may concern our interval: be inside it, so that readers wait for its end.
            Volatile.Write(ref _sequence, _sequence | 1); // Pairs with the waiters in ReadBegin.
            notifier.SetSequence(_sequence);
            _deferred.Add((notifier, true));
        }
    }

    /// <summary>Ends a subscription; when this returns no callback runs and none will .</summary>
    /// <param name="notifier">A subscribed notifier.</param>
    /// <remarks>Locking: may wait for running events: hold nothing that an event's callbacks need.</remarks>
    public void Remove(MmuIntervalNotifier notifier)
    {
        LockOrder.CheckTake(LockRank.Invalidation, "notifier removal");
        using (_lock.EnterWrite())
        {
            InvariantRecord.Require(notifier.IsSubscribed, "INV-28", "a subscription was ended twice");
            notifier.IsSubscribed = false;
            if (_active == 0)
            {
                _tree.Remove(notifier);
                notifier.HasEnded = true;
                return;
            }

            Volatile.Write(ref _sequence, _sequence | 1); // So that InvalidateEnd applies and announces. Pairs with the wait below.
            _deferred.Add((notifier, false));
        }

        WaitWhile(static (registry, state) => registry.IsPending((MmuIntervalNotifier)state), notifier);
        notifier.HasEnded = true;
    }

    /// <summary>Reads a notifier's sequence for a later <see cref="MmuIntervalNotifier.ReadRetry"/>; waits while an event has the notifier in its hands.</summary>
    /// <param name="notifier">The notifier.</param>
    /// <returns>The sequence.</returns>
    /// <remarks>Locking: may wait (rank Invalidation).</remarks>
    public long ReadBegin(MmuIntervalNotifier notifier)
    {
        LockOrder.CheckTake(LockRank.Invalidation, "notifier read");
        long sequence;
        bool inside;
        using (_lock.EnterRead())
        {
            sequence = notifier.Sequence;
            inside = sequence == _sequence;
        }

        SchedulePoint.Reach(SchedulePointKind.SequenceRead, notifier);
        if (inside)
            WaitForSequenceChange(sequence);
        return sequence;
    }

    /// <summary>Checks that somebody who is about to be called has not been told that this is over (INV-28).</summary>
    /// <param name="notifier">Who.</param>
    /// <returns>The same.</returns>
    private static MmuIntervalNotifier RequireSubscribed(MmuIntervalNotifier notifier)
    {
        if (CoreSwitches.Checks)
            InvariantRecord.Require(!notifier.HasEnded, "INV-28", "a notifier is called after the end of its subscription has returned");
        return notifier;
    }

    /// <summary>Has everything stopped that an event takes something from: all begin, then all are waited for.</summary>
    /// <param name="stoppers">Who stops.</param>
    /// <param name="stops">Gets what each is to be told at the end.</param>
    /// <param name="mmuEvent">The event.</param>
    private static void Stop(IMmuStopper[] stoppers, Span<long> stops, in MmuEvent mmuEvent)
    {
        for (int i = 0; i < stoppers.Length; i++)
            stops[i] = stoppers[i].BeginStop(mmuEvent);
        for (int i = 0; i < stoppers.Length; i++)
            stoppers[i].WaitStopped(stops[i]);
    }

    /// <summary>Whether a removal is still put off.</summary>
    /// <param name="notifier">The notifier removed.</param>
    /// <returns>True while it is.</returns>
    private bool IsPending(MmuIntervalNotifier notifier)
    {
        using (_lock.EnterRead())
            return _deferred.Contains((notifier, false));
    }

    /// <summary>Waits until the address space's sequence differs.</summary>
    /// <param name="sequence">The odd value to see the end of.</param>
    private void WaitForSequenceChange(long sequence)
    {
        Pause pause = default;
        while (Volatile.Read(ref _sequence) == sequence) // Pairs with the writes in InvalidateStart, InvalidateEnd, Insert and Remove.
        {
            if (!pause.IsLong)
            {
                pause.Once();
                continue;
            }

            if (SchedulePoint.TryWait(this))
                continue;
            lock (_ended)
            {
                if (Volatile.Read(ref _sequence) == sequence) // As above.
                    Monitor.Wait(_ended, millisecondsTimeout: 1);
            }
        }
    }

    /// <summary>Waits for running events to end while a condition holds.</summary>
    /// <param name="condition">The condition, asked of this registry and a state.</param>
    /// <param name="state">The state.</param>
    private void WaitWhile(Func<MmuNotifierRegistry, object, bool> condition, object state)
    {
        while (condition(this, state))
        {
            if (SchedulePoint.TryWait(this))
                continue;
            lock (_ended)
                Monitor.Wait(_ended, millisecondsTimeout: 1);
        }
    }
}
