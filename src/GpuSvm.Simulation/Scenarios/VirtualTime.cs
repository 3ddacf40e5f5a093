// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>A clock that goes on a microsecond each time somebody looks, and otherwise when nobody can do anything; then as far as the next timer.</summary>
/// <remarks>Locking: none; for one thread at a time.</remarks>
public sealed class VirtualTime : TimeProvider
{
    private readonly List<VirtualTimer> _timers = [];
    private long _now = TimeSpan.TicksPerHour;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => _now += TimeSpan.TicksPerMicrosecond;

    /// <summary>Lets time pass up to the next timer, or a millisecond.</summary>
    /// <returns>What the timer does; null if none is set.</returns>
    public Action? Pass()
    {
        VirtualTimer? next = _timers.Where(timer => timer.Due != long.MaxValue).MinBy(timer => timer.Due);
        if (next is null)
        {
            _now += TimeSpan.TicksPerMillisecond;
            return null;
        }

        _now = Math.Max(_now, next.Due);
        next.Due = long.MaxValue;
        return next.Fire;
    }

    /// <summary>Lets time pass.</summary>
    /// <param name="span">How much.</param>
    public void Advance(TimeSpan span) => _now += span.Ticks;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state);
        _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>One timer; it fires once each time it is set.</summary>
    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        /// <summary>When it fires.</summary>
        public long Due { get; set; } = long.MaxValue;

        /// <summary>Calls back.</summary>
        public void Fire() => callback(state);

        /// <inheritdoc/>
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime < TimeSpan.Zero ? long.MaxValue : time._now + dueTime.Ticks;
            return true;
        }

        /// <inheritdoc/>
        public void Dispose() => time._timers.Remove(this);

        /// <inheritdoc/>
        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
