// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>
/// What has been written to one number of memory, and when, so that a read can be judged: it must return what some write has written that had begun by then, and that no other
/// write has surely replaced. Two reads one after the other must not see two such writes in the wrong order.
/// </summary>
/// <remarks>
/// Times count beginnings and ends of operations, over all threads. Each write writes a value of its own, except that giving contents up writes zero, as often as it is done. Additions are judged
/// by their sum; a number that is added to is not written otherwise.
/// </remarks>
internal sealed class CellHistory
{
    private const long Never = long.MaxValue;

    private readonly List<Stored> _stored = [new Stored { Value = 0, Start = -1, End = -1 }]; // The page of zeroes that everything begins with.
    private readonly List<(long End, Stored Seen)> _reads = [];

    /// <summary>A write begins.</summary>
    /// <param name="value">The value.</param>
    /// <param name="delta">What an addition adds; 0 for a write.</param>
    /// <param name="now">The time.</param>
    /// <returns>To be ended.</returns>
    public Stored Begin(long value, long delta, long now)
    {
        var stored = new Stored { Value = value, Delta = delta, Start = now, End = Never };
        _stored.Add(stored);
        return stored;
    }

    /// <summary>A write has not been done after all.</summary>
    /// <param name="stored">What its begin gave.</param>
    public void Forget(Stored stored) => _stored.Remove(stored);

    /// <summary>Another number's bytes have moved here.</summary>
    /// <param name="from">Its history.</param>
    public void TakeOver(CellHistory from)
    {
        _stored.Clear();
        _stored.AddRange(from._stored);
        _reads.Clear();
    }

    /// <summary>Judges a read.</summary>
    /// <param name="value">What it returned.</param>
    /// <param name="start">When it began.</param>
    /// <param name="end">When it ended.</param>
    /// <returns>What is wrong, or null.</returns>
    public string? Judge(long value, long start, long end)
    {
        if (_stored.Exists(stored => stored.Delta != 0))
            return JudgeSum(value, start, end);
        Stored? seen = null;
        foreach (Stored stored in _stored)
        {
            if (stored.Value == value && stored.Start < end && !_stored.Exists(other => other.Start > stored.End && other.End < start))
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
        .Where(stored => stored.Start < end && !_stored.Exists(other => other.Start > stored.End && other.End < start))
        .Select(stored => stored.Value).Distinct();

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
    }
}
