// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A prefetch of any number of intervals that goes on in the background, several blocks of 2 MiB at a time. Made by <see cref="GpuVm.StartPrefetch"/>.</summary>
/// <remarks>Locking: a lock of its own, which takes nothing further and is held for sums only.</remarks>
public sealed class PrefetchOperation
{
    private readonly object _lock = new(); // Pulsed at the end.
    private readonly AddressRange[] _intervals;
    private int _interval; // The one that the next piece is of. Guarded by _lock.
    private VirtualAddress _at; // The next piece's start. Guarded by _lock.
    private int _running; // Pieces taken and not done. Guarded by _lock.
    private PrefetchResult _result; // Of the pieces done. Guarded by _lock.
    private SvmStatus _status; // The first failure. Guarded by _lock.
    private bool _isCancelled; // Guarded by _lock.

    /// <summary>Makes an operation that has not begun.</summary>
    /// <param name="intervals">Page aligned, not empty, in any order; overlaps are asked for twice and found there.</param>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    internal PrefetchOperation(AddressRange[] intervals, PrefetchTarget target, VmDevice device)
    {
        _intervals = intervals;
        Target = target;
        Device = device;
        foreach (AddressRange interval in intervals)
            RequestedBytes += interval.Bytes;
        _at = intervals.Length == 0 ? default : intervals[0].Start;
    }

    /// <summary>Where to.</summary>
    public PrefetchTarget Target { get; }

    /// <summary>All that was asked for, in bytes.</summary>
    public long RequestedBytes { get; }

    /// <summary>Whether it has ended: everything was tried, or it was cancelled and nothing of it runs any more.</summary>
    public bool IsEnded
    {
        get
        {
            lock (_lock)
                return IsEndedLocked;
        }
    }

    /// <summary>What has been done so far: <see cref="PrefetchResult.RequestedBytes"/> counts the pieces that are through, and goes up to <see cref="RequestedBytes"/>.</summary>
    public PrefetchResult Progress
    {
        get
        {
            lock (_lock)
                return _result;
        }
    }

    /// <summary>The device.</summary>
    internal VmDevice Device { get; }

    /// <summary>Begins no further piece; those that are being moved are finished. What has moved stays where it is.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            if (_interval < _intervals.Length)
                _isCancelled = true;
            _interval = _intervals.Length;
            EndIfDoneLocked();
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <param name="milliseconds">How long at the most; -1 for as long as it takes.</param>
    /// <returns>False if it has not ended by then.</returns>
    /// <remarks>Locking: must hold nothing.</remarks>
    public bool Wait(int milliseconds = Timeout.Infinite)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            while (!IsEndedLocked)
            {
                int left = milliseconds < 0 ? Timeout.Infinite : milliseconds - (int)Math.Min(milliseconds, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                if (left == 0)
                    return false;
                Monitor.Wait(_lock, left);
            }

            return true;
        }
    }

    /// <summary>What became of it.</summary>
    /// <param name="result">What was done; of a cancelled one, the pieces that were never begun count as failed.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/> while it has not ended; <see cref="SvmStatus.Cancelled"/> if it was cancelled before everything was begun; else
    /// the first failure, the rest having been tried.</returns>
    public SvmStatus Outcome(out PrefetchResult result)
    {
        lock (_lock)
        {
            long open = RequestedBytes - _result.RequestedBytes;
            result = _result + new PrefetchResult(open, 0, 0, open);
            return !IsEndedLocked ? SvmStatus.Busy : _isCancelled ? SvmStatus.Cancelled : _status;
        }
    }

    /// <summary>Takes the next piece to work on.</summary>
    /// <param name="piece">A part of one aligned block of 2 MiB; to be given back by <see cref="Finish"/>.</param>
    /// <returns>False if there is none left.</returns>
    internal bool TryTake(out AddressRange piece)
    {
        piece = default;
        lock (_lock)
        {
            if (_interval >= _intervals.Length)
                return false;
            AddressRange interval = _intervals[_interval];
            piece = _at.Block(PageOrder.Huge).Intersect(new AddressRange(_at, interval.End));
            _at = piece.End;
            if (_at >= interval.End && ++_interval < _intervals.Length)
                _at = _intervals[_interval].Start;
            _running++;
            return true;
        }
    }


    /// <summary>Notes what became of a piece.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="result">What was done.</param>
    internal void Finish(SvmStatus status, in PrefetchResult result)
    {
        lock (_lock)
        {
            _running--;
            _result += result;
            if (_status == SvmStatus.Done)
                _status = status;
            EndIfDoneLocked();
        }
    }

    /// <summary>Whether nothing is left to do.</summary>
    private bool IsEndedLocked => _interval >= _intervals.Length && _running == 0;

    /// <summary>Wakes those who wait if nothing is left to do.</summary>
    private void EndIfDoneLocked()
    {
        if (IsEndedLocked)
            Monitor.PulseAll(_lock);
    }
}
