// SPDX-License-Identifier: MIT
namespace GpuSvm.Conformance;

/// <summary>A clock that stands still until it is told to go on. Timers fire on the thread that moves it.</summary>
public sealed class ManualTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private long _now = TimeSpan.TicksPerHour;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_gate)
            return _now;
    }

    /// <summary>Lets time pass.</summary>
    /// <param name="span">How much.</param>
    public void Advance(TimeSpan span)
    {
        ManualTimer[] due;
        lock (_gate)
        {
            _now += span.Ticks;
            due = [.. _timers.Where(timer => timer.Due <= _now)];
            foreach (ManualTimer timer in due)
                timer.Due = long.MaxValue;
        }

        foreach (ManualTimer timer in due)
            timer.Fire();
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        lock (_gate)
            _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>One timer.</summary>
    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        /// <summary>When it fires.</summary>
        public long Due { get; set; } = long.MaxValue;

        /// <summary>Calls back.</summary>
        public void Fire() => callback(state);

        /// <inheritdoc/>
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
                Due = dueTime < TimeSpan.Zero ? long.MaxValue : time._now + dueTime.Ticks;
            return true;
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (time._gate)
                time._timers.Remove(this);
        }

        /// <inheritdoc/>
        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
