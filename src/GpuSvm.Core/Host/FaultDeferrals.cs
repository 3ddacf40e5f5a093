// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// CPU faults on pages whose stay on a device is guaranteed for a while. The thread sleeps on, instead of touching the page again and again; when the time
/// has come it is woken, touches again, and the page comes home. One timer for all. (In the kernel the thread spins.)
/// </summary>
/// <remarks>
/// A wake that is no longer needed does no harm: who comes home earlier, by an eviction, is woken by that, and the late wake finds nobody.
/// Locking: one leaf lock; the host memory is called with nothing held.
/// </remarks>
internal sealed class FaultDeferrals : IDisposable
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "FaultDeferrals");
    private readonly PriorityQueue<VirtualAddress, long> _waiting = new(); // By the time to wake. Guarded by _lock.
    private readonly IHostMemory _memory;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _armed = long.MaxValue; // When the timer fires. Guarded by _lock.
    private bool _isDisposed; // Guarded by _lock.

    /// <summary>Creates it with nobody waiting.</summary>
    /// <param name="memory">Wakes threads.</param>
    /// <param name="time">The clock.</param>
    public FaultDeferrals(IHostMemory memory, TimeProvider time)
    {
        _memory = memory;
        _time = time;
        _timer = time.CreateTimer(static state => ((FaultDeferrals)state!).WakeDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Puts a CPU fault off if its page's stay is guaranteed at this moment.</summary>
    /// <param name="page">The page.</param>
    /// <param name="owner">Who keeps it; null if nobody does any more.</param>
    /// <param name="entry">Its entry as just seen.</param>
    /// <returns>True if a wake has been arranged: leave the thread asleep.</returns>
    public bool TryDefer(VirtualAddress page, IDevicePageOwner? owner, PageEntry entry)
    {
        long until = owner?.GuaranteedUntil(entry.Frame) ?? 0;
        if (until == 0)
            return false;
        long now = _time.GetTimestamp();
        if (until <= now)
            return false;
        using (_lock.Enter())
        {
            if (_isDisposed)
                return false;
            _waiting.Enqueue(page, until);
            ArmLocked(now);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using (_lock.Enter())
            _isDisposed = true;
        _timer.Dispose();
    }

    /// <summary>Wakes everybody whose time has come.</summary>
    private void WakeDue()
    {
        while (true)
        {
            VirtualAddress page;
            using (_lock.Enter())
            {
                long now = _time.GetTimestamp();
                if (_isDisposed)
                    return;
                if (!_waiting.TryPeek(out page, out long until) || until > now)
                {
                    _armed = long.MaxValue;
                    ArmLocked(now);
                    return;
                }

                _waiting.Dequeue();
            }

            _memory.Wake(AddressRange.OfPages(page, 1));
        }
    }

    /// <summary>Sets the timer to the first wake, unless it fires before that.</summary>
    /// <param name="now">The time.</param>
    private void ArmLocked(long now)
    {
        _lock.AssertHeld();
        if (!_waiting.TryPeek(out _, out long until) || until >= _armed)
            return;
        _armed = until;
        TimeSpan due = _time.GetElapsedTime(now, until) + TimeSpan.FromMilliseconds(1); // The timer's clock is coarser than the timestamps.
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }
}
