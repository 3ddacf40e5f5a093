// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>
/// Where thrashing is controlled: remembers what has gone to and fro lately, asks the policy, and keeps to its answer. Fixed size: a block that finds no place displaces the one that has been
/// quiet longest; what is pinned keeps its place.
/// </summary>
/// <remarks>
/// Locking: one leaf lock for the table, never held while the policy is asked. Nothing on the fault path or under the notifier lock allocates or waits: a throttled fault goes back to the
/// queue. A timer takes the mappings of pins away that are over; it takes Vm shared and the range's lock like a fault.
/// </remarks>
internal sealed class ThrashControl : IDisposable
{
    private const int Ways = 4; // Places that a block may have.
    private const int Sets = 64;

    private static readonly TimeSpan _longestThrottle = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _longestPin = TimeSpan.FromHours(1);
    private static readonly TimeSpan _pinMemory = TimeSpan.FromSeconds(1);

    private readonly RankedLock _lock = new(LockRank.Leaf, "ThrashControl");
    private readonly ThrashEntry[] _entries = new ThrashEntry[Ways * Sets]; // Guarded by _lock.
    private readonly GpuVm _vm;
    private readonly TimeProvider _time;
    private readonly IThrashPolicy _policy;
    private readonly long _windowTicks;
    private readonly ITimer _timer;
    private long _due = long.MaxValue; // When the timer fires. Guarded by _lock.
    private int _throttled; // Throttles that are not over. Written under _lock; peeked without.
    private volatile bool _closed;

    /// <summary>Creates the control of a VM.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="policy">Its policy.</param>
    public ThrashControl(GpuVm vm, IThrashPolicy policy)
    {
        _vm = vm;
        _time = vm.Host.Time;
        _policy = policy;
        _windowTicks = TicksOf(policy.Window);
        _timer = _time.CreateTimer(static control => ((ThrashControl)control!).EndPins(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What becomes of a touch that the placement policy would move pages for.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="device">Who touched it.</param>
    /// <param name="late">For <see cref="ThrashAction.Throttle"/>: how long still.</param>
    /// <returns>What to do: move, map where they are, or serve later.</returns>
    public ThrashAction Decide(GpuRange range, VmDevice device, out TimeSpan late)
    {
        late = default;
        long now = _time.GetTimestamp();
        PlacementFacts known = range.Facts(now);
        if (known.ReturnCount == 0)
            return ThrashAction.Move; // Has never left a device: as most ranges.
        ThrashFacts facts;
        using (_lock.Enter())
        {
            int place = FindLocked(range.Interval);
            if (place >= 0)
            {
                ref ThrashEntry entry = ref _entries[place];
                if (entry.IsPinned && now < entry.PinEnd)
                    return ThrashAction.MapRemotely;
                if (entry.ThrottleStart != 0 && now < entry.ThrottleEnd)
                {
                    late = _time.GetElapsedTime(now, entry.ThrottleEnd);
                    return ThrashAction.Throttle;
                }

                EndThrottleLocked(ref entry, now);
            }

            facts = FactsLocked(place, known, now);
        }

        ThrashAnswer answer = _policy.Answer(facts);
        using (_lock.Enter())
            return ApplyLocked(range.Interval, device, answer, now, out late);
    }

    /// <summary>Whether a range that was not touched itself may come beside one that was.</summary>
    /// <param name="range">The range.</param>
    /// <returns>True if its own touch would move it.</returns>
    public bool LetsCome(GpuRange range)
    {
        long now = _time.GetTimestamp();
        PlacementFacts known = range.Facts(now);
        if (known.ReturnCount == 0)
            return true;
        ThrashFacts facts;
        using (_lock.Enter())
        {
            int place = FindLocked(range.Interval);
            if (place >= 0 && (_entries[place].IsPinned || _entries[place].ThrottleStart != 0))
                return false;
            facts = FactsLocked(place, known, now);
        }

        return _policy.Answer(facts).Action == ThrashAction.Move;
    }

    /// <summary>Notes that a GPU fault has brought pages.</summary>
    /// <param name="range">The range.</param>
    public void NoteArrival(GpuRange range)
    {
        long now = _time.GetTimestamp();
        if (range.Facts(now).ReturnCount == 0)
            return; // One side alone is no quarrel.
        using (_lock.Enter())
        {
            int place = FindLocked(range.Interval);
            if (place < 0)
                return;
            CountMoveLocked(ref _entries[place], now);
            _entries[place].Arrived = now;
        }
    }

    /// <summary>Notes that pages have left a device against the GPU's will.</summary>
    /// <param name="interval">The range's interval.</param>
    /// <param name="wasEvicted">Whether to make room.</param>
    /// <param name="now">The host's timestamp.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    public void NoteReturnLocked(AddressRange interval, bool wasEvicted, long now)
    {
        using (_lock.Enter())
        {
            int place = ClaimLocked(interval, now);
            if (place < 0)
                return;
            CountMoveLocked(ref _entries[place], now);
            _entries[place].WasEvicted = wasEvicted;
        }
    }

    /// <summary>Notes that a touch found its range bound: if one of it was held back, that is over.</summary>
    /// <param name="range">The range.</param>
    public void NoteServed(GpuRange range)
    {
        if (Volatile.Read(ref _throttled) == 0) // Pairs with the writes under _lock; which one is seen decides about an event's time only.
            return;
        long now = _time.GetTimestamp();
        using (_lock.Enter())
        {
            int place = FindLocked(range.Interval);
            if (place < 0)
                return;
            EndThrottleLocked(ref _entries[place], now);
            _entries[place].MustServe = false;
        }
    }

    /// <summary>Ends the timer. A call of it that is under way finds no ranges, or is waited for by whoever takes Vm next.</summary>
    public void Dispose()
    {
        _closed = true;
        _timer.Dispose();
    }

    /// <summary>What the policy is told.</summary>
    /// <param name="place">The block's place; negative if it has none.</param>
    /// <param name="known">What the range knows.</param>
    /// <param name="now">The host's timestamp.</param>
    /// <returns>The facts.</returns>
    private ThrashFacts FactsLocked(int place, in PlacementFacts known, long now)
    {
        TimeSpan sinceReturn = _time.GetElapsedTime(0, Math.Max(0, known.TicksSinceReturn));
        if (place < 0)
            return new ThrashFacts(known.Bytes, 0, known.ReturnCount, sinceReturn, TimeSpan.MaxValue, false, 0, 0);
        ref ThrashEntry entry = ref _entries[place];
        bool isQuarrel = now - entry.LastMove <= _windowTicks;
        return new ThrashFacts(
            known.Bytes,
            isQuarrel ? entry.Moves : 0,
            known.ReturnCount,
            sinceReturn,
            entry.Arrived == 0 ? TimeSpan.MaxValue : _time.GetElapsedTime(entry.Arrived, now),
            entry.WasEvicted,
            isQuarrel ? entry.Throttled : 0,
            PinsOf(entry, now));
    }

    /// <summary>Does what the policy has answered.</summary>
    /// <param name="interval">The range's interval.</param>
    /// <param name="device">Who touched it.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="now">The host's timestamp.</param>
    /// <param name="late">As of <see cref="Decide"/>.</param>
    /// <returns>As <see cref="Decide"/>.</returns>
    private ThrashAction ApplyLocked(AddressRange interval, VmDevice device, ThrashAnswer answer, long now, out TimeSpan late)
    {
        late = default;
        int place = answer.Action == ThrashAction.Move ? FindLocked(interval) : ClaimLocked(interval, now);
        if (place < 0)
            return answer.Action == ThrashAction.MapRemotely ? ThrashAction.MapRemotely : ThrashAction.Move; // Too much is pinned to remember this one.
        ref ThrashEntry entry = ref _entries[place];
        bool isTimed = answer.Action is ThrashAction.Throttle or ThrashAction.Pin;
        if (answer.Action == ThrashAction.Move || (isTimed && answer.Time <= TimeSpan.Zero))
        {
            entry.MustServe = false;
            return ThrashAction.Move;
        }

        if (!entry.IsDetected)
        {
            entry.IsDetected = true;
            _vm.Counters.CountThrashing();
            _vm.Host.Events.Thrashing(interval, device.Pagemap.Index);
        }

        bool mustServe = entry.MustServe;
        entry.MustServe = false;
        if (answer.Action == ThrashAction.Throttle)
        {
            if (mustServe)
                return ThrashAction.Move;
            late = answer.Time < _longestThrottle ? answer.Time : _longestThrottle;
            entry.ThrottleStart = now;
            entry.ThrottleEnd = now + Math.Max(1, TicksOf(late));
            entry.ThrottledDevice = device.Pagemap.Index;
            entry.Throttled++;
            _throttled++;
            _vm.Counters.CountThrottled();
            _vm.Host.Events.Throttling(interval, device.Pagemap.Index);
            return ThrashAction.Throttle;
        }

        if (answer.Action == ThrashAction.Pin)
        {
            entry.Pins = PinsOf(entry, now) + 1;
            entry.PinEnd = now + Math.Max(1, TicksOf(answer.Time < _longestPin ? answer.Time : _longestPin));
            entry.IsPinned = true;
            _vm.Counters.CountPinned();
            ArmLocked(entry.PinEnd, now);
        }

        return ThrashAction.MapRemotely;
    }

    /// <summary>Takes the mappings of pins away that are over, and sets the timer for the next one.</summary>
    private void EndPins()
    {
        using var balance = LockBalance.Begin();
        using (_lock.Enter())
            _due = long.MaxValue;
        for (AddressRange block = TakeEndedPin(); !block.IsEmpty && !_closed; block = TakeEndedPin())
        {
            using (_vm.Lock.EnterRead())
            {
                if (_closed)
                    return;
                for (SvmRange? range = _vm.Mirror.FirstRange(block); range is not null; range = _vm.Mirror.NextRange(range, block))
                {
                    using (_vm.RangeLocks.Enter(range))
                        _vm.Invalidator.Unbind((GpuRange)range);
                }
            }
        }
    }

    /// <summary>Ends one pin whose time has come.</summary>
    /// <returns>Its block; empty if there is none, and then the timer is set for the next one.</returns>
    private AddressRange TakeEndedPin()
    {
        long now = _time.GetTimestamp();
        long next = long.MaxValue;
        using (_lock.Enter())
        {
            foreach (ref ThrashEntry entry in _entries.AsSpan())
            {
                if (!entry.IsPinned)
                    continue;
                if (now < entry.PinEnd)
                {
                    next = Math.Min(next, entry.PinEnd);
                    continue;
                }

                entry.IsPinned = false;
                entry.Moves = 0; // A new quarrel, if there is one.
                entry.Throttled = 0;
                entry.IsDetected = false;
                return entry.Block;
            }

            if (next != long.MaxValue)
                ArmLocked(next, now);
        }

        return default;
    }

    /// <summary>Sees to it that the timer fires at a time, or before.</summary>
    /// <param name="end">When.</param>
    /// <param name="now">The host's timestamp.</param>
    private void ArmLocked(long end, long now)
    {
        if (end >= _due || _closed)
            return;
        _due = end;
        _ = _timer.Change(_time.GetElapsedTime(now, end) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan); // The system's timers count whole milliseconds: not too early.
    }

    /// <summary>Notes the end of a throttle, if there is one.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="now">The host's timestamp.</param>
    private void EndThrottleLocked(ref ThrashEntry entry, long now)
    {
        if (entry.ThrottleStart == 0)
            return;
        _vm.Host.Events.ThrottlingOver(entry.Block, entry.ThrottledDevice, _time.GetElapsedTime(entry.ThrottleStart, now));
        entry.ThrottleStart = 0;
        entry.MustServe = true;
        entry.LastMove = now; // Being held back is no rest.
        _throttled--;
    }

    /// <summary>Counts a move.</summary>
    /// <param name="entry">The block's entry.</param>
    /// <param name="now">The host's timestamp.</param>
    private void CountMoveLocked(ref ThrashEntry entry, long now)
    {
        if (entry.Moves == 0 || now - entry.LastMove > _windowTicks)
        {
            entry.Moves = 0;
            entry.Throttled = 0;
            entry.IsDetected = false;
        }

        entry.Moves++;
        entry.LastMove = now;
    }

    /// <summary>Finds a block's entry.</summary>
    /// <param name="block">The block.</param>
    /// <returns>Its index; negative if there is none.</returns>
    private int FindLocked(AddressRange block)
    {
        int first = FirstPlaceOf(block);
        for (int place = first; place < first + Ways; place++)
        {
            if (_entries[place].Block == block)
                return place;
        }

        return -1;
    }

    /// <summary>Finds a block's entry, or makes one.</summary>
    /// <param name="block">The block.</param>
    /// <param name="now">The host's timestamp.</param>
    /// <returns>Its index; negative if everything that it might displace is pinned.</returns>
    private int ClaimLocked(AddressRange block, long now)
    {
        int found = FindLocked(block);
        if (found >= 0)
            return found;
        int first = FirstPlaceOf(block);
        for (int place = first; place < first + Ways; place++)
        {
            if (!_entries[place].IsPinned && (found < 0 || _entries[place].LastMove < _entries[found].LastMove))
                found = place;
        }

        if (found < 0)
            return found;
        EndThrottleLocked(ref _entries[found], now);
        _entries[found] = new ThrashEntry { Block = block };
        return found;
    }

    /// <summary>Pins of a block that still count.</summary>
    /// <param name="entry">Its entry.</param>
    /// <param name="now">The host's timestamp.</param>
    /// <returns>How many.</returns>
    private int PinsOf(in ThrashEntry entry, long now) => entry.Pins > 0 && now - entry.PinEnd <= TicksOf(_pinMemory) ? entry.Pins : 0;

    /// <summary>A time in the host's ticks.</summary>
    /// <param name="time">The time.</param>
    /// <returns>Ticks.</returns>
    private long TicksOf(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Where a block's entry may be.</summary>
    /// <param name="block">The block.</param>
    /// <returns>The first of its places.</returns>
    private static int FirstPlaceOf(AddressRange block) => (int)((block.Start.PageNumber * 0x9E3779B97F4A7C15UL) >> 58) * Ways; // The six bits of 64 sets.
}
