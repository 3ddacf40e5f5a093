// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>
/// What has been written to one number of memory, and when, so that a read can be judged: it must return what some write has written that had begun by then, and that no other
/// write has surely replaced. Two reads one after the other must not see two such writes in the wrong order.
/// </summary>
/// <remarks>
/// Times count beginnings and ends of operations, over all threads. Each write writes a value of its own, except that giving contents up writes zero, as often as it is done. Additions are judged
/// by their sum; a number that is added to is not written otherwise.
/// <para>Locking: one lock; it is held for no more than a look.</para>
/// </remarks>
internal sealed class CellHistory
{
    private const long Never = long.MaxValue;

    private readonly Lock _lock = new();
    private readonly List<Stored> _stored = [new Stored { Value = 0, Start = -1, End = -1, IsSure = true }]; // The page of zeroes that everything begins with.
    private readonly List<(long End, Stored Seen)> _reads = [];

    /// <summary>A write begins.</summary>
    /// <param name="value">The value.</param>
    /// <param name="delta">What an addition adds; 0 for a write.</param>
    /// <param name="now">The time.</param>
    /// <param name="isSure">Whether it surely replaces what was there before.</param>
    /// <returns>To be ended.</returns>
    public Stored Begin(long value, long delta, long now, bool isSure = true)
    {
        var stored = new Stored { Value = value, Delta = delta, Start = now, End = Never, IsSure = isSure };
        lock (_lock)
            _stored.Add(stored);
        return stored;
    }

    /// <summary>A write has been done.</summary>
    /// <param name="stored">What its begin gave.</param>
    /// <param name="now">The time.</param>
    public void End(Stored stored, long now)
    {
        lock (_lock)
            stored.End = now;
    }

    /// <summary>A write has not been done after all.</summary>
    /// <param name="stored">What its begin gave.</param>
    public void Forget(Stored stored)
    {
        lock (_lock)
            _stored.Remove(stored);
    }

    /// <summary>Another number's bytes are about to move here: until they have, either may be read.</summary>
    /// <param name="from">Its history.</param>
    public void Expect(CellHistory from)
    {
        Stored[] coming = from.Writes();
        lock (_lock)
        {
            _stored.AddRange(coming);
            _reads.Clear();
        }
    }

    /// <summary>Another number's bytes have moved here.</summary>
    /// <param name="from">Its history.</param>
    /// <param name="since">When the move began: what emptied the old place after that has not come here.</param>
    public void TakeOver(CellHistory from, long since)
    {
        IEnumerable<Stored> come = from.Writes().Where(stored => stored.Start <= since || (stored.IsSure && (stored.Value != 0 || stored.Delta != 0)));
        lock (_lock)
        {
            _stored.Clear();
            _stored.AddRange(come);
            _reads.Clear();
        }
    }

    /// <summary>Judges a read.</summary>
    /// <param name="value">What it returned.</param>
    /// <param name="start">When it began.</param>
    /// <param name="end">When it ended.</param>
    /// <returns>What is wrong, or null.</returns>
    public string? Judge(long value, long start, long end)
    {
        lock (_lock)
            return JudgeLocked(value, start, end);
    }

    /// <summary>The writes so far.</summary>
    /// <returns>A copy of the list.</returns>
    private Stored[] Writes()
    {
        lock (_lock)
            return [.. _stored];
    }

    /// <summary>Judges a read.</summary>
    /// <param name="value">What it returned.</param>
    /// <param name="start">When it began.</param>
    /// <param name="end">When it ended.</param>
    /// <returns>What is wrong, or null.</returns>
    private string? JudgeLocked(long value, long start, long end)
    {
        if (_stored.Exists(stored => stored.Delta != 0))
            return JudgeSum(value, start, end);
        Stored? seen = null;
        foreach (Stored stored in _stored)
        {
            if (stored.Value == value && stored.Start < end && !IsReplaced(stored, start))
                seen = stored; // The newest of several that it may have seen: the mildest judgement of the next read is the oldest, but zeroes look alike.
        }

        if (seen is null)
            return $"read {value}, which is {(_stored.Exists(stored => stored.Value == value) ? "out of date" : "what nobody has written")}; it could have been {string.Join(" or ", Possible(start, end))}";
        if (value != 0 && _reads.Exists(read => read.End < start && seen.End < read.Seen.Start))
            return $"read {value} after a read that had seen what was written later";
        if (value != 0)
            _reads.Add((end, seen));
        return null;
    }

    /// <summary>The values that a read could have returned.</summary>
    /// <param name="start">When it began.</param>
    /// <param name="end">When it ended.</param>
    /// <returns>The values.</returns>
    private IEnumerable<long> Possible(long start, long end) => _stored
        .Where(stored => stored.Start < end && !IsReplaced(stored, start))
        .Select(stored => stored.Value).Distinct();

    /// <summary>Whether a write has surely been replaced by a later one.</summary>
    /// <param name="stored">The write.</param>
    /// <param name="now">By when.</param>
    /// <returns>True if so.</returns>
    private bool IsReplaced(Stored stored, long now) => _stored.Exists(other => other.IsSure && other.Start > stored.End && other.End < now);

    /// <summary>Judges a read of a number that is added to.</summary>
    /// <param name="value">What it returned.</param>
    /// <param name="start">When it began.</param>
    /// <param name="end">When it ended.</param>
    /// <returns>What is wrong, or null.</returns>
    private string? JudgeSum(long value, long start, long end)
    {
        long least = _stored.Where(stored => stored.End < start).Sum(stored => stored.Delta);
        long most = _stored.Where(stored => stored.Start < end).Sum(stored => stored.Delta);
        return value >= least && value <= most ? null : $"read {value}, where additions make it {least} to {most}";
    }

    /// <summary>One write.</summary>
    internal sealed class Stored
    {
        /// <summary>The value.</summary>
        public long Value { get; init; }

        /// <summary>What an addition adds; 0 for a write.</summary>
        public long Delta { get; init; }

        /// <summary>When it began.</summary>
        public long Start { get; init; }

        /// <summary>When it ended.</summary>
        public long End { get; set; }

        /// <summary>Whether it surely replaces what was there before.</summary>
        public bool IsSure { get; init; }
    }
}
