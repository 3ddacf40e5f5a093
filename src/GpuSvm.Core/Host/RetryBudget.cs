// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>
/// How long, and how often, a call may be overtaken before it gives up: one budget for all its loops, inner and outer, so that a storm of invalidations cannot renew it.
/// The bound on tries holds where a virtual clock stands still.
/// </summary>
/// <remarks>Not thread-safe: one call's own, handed down by reference. (The kernel's newest form gives each inner call a budget of its own, so the whole has no bound.)</remarks>
public struct RetryBudget
{
    /// <summary>Tries of a budget of which nothing else is said. A walk over 512 pages that are all absent one by one takes 512.</summary>
    public const int DefaultTries = 4096;

    private readonly TimeProvider _time;
    private readonly long _deadline; // In ticks of the clock.
    private int _tries;

    /// <summary>Begins a budget.</summary>
    /// <param name="time">The clock, <see cref="HostAddressSpace.Time"/>.</param>
    /// <param name="milliseconds">From now on; 0 allows what needs no retry.</param>
    /// <param name="tries">How many retries.</param>
    public RetryBudget(TimeProvider time, int milliseconds, int tries = DefaultTries)
    {
        _time = time;
        _deadline = time.GetTimestamp() + (time.TimestampFrequency * milliseconds / 1000);
        _tries = tries;
    }

    /// <summary>Takes one retry.</summary>
    /// <returns>False if there are none left, or no time.</returns>
    public bool TrySpend() => _tries-- > 0 && _time.GetTimestamp() < _deadline;
}
