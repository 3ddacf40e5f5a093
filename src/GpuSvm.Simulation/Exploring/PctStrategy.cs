// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>
/// Probabilistic concurrency testing: threads have random priorities, the first that can go on goes, and at a few random moments the one in turn falls behind all others. With n threads and k choices
/// each schedule finds a bug of depth d with a probability of at least 1 / (n k^(d-1)) (Burckhardt and others, "A randomized scheduler with probabilistic guarantees", ASPLOS 2010).
/// </summary>
/// <param name="depth">The depth of the bugs that are looked for, at least 1: one more than there are moments.</param>
/// <param name="seed">Where the random numbers begin.</param>
public sealed class PctStrategy(int depth, ulong seed) : IScheduleStrategy
{
    private readonly Dictionary<int, int> _priorities = [];
    private readonly HashSet<int> _moments = [];
    private ScheduleRandom _random = new(seed);
    private int _length = 64; // The longest schedule seen, in choices.
    private int _lowest;

    /// <inheritdoc/>
    public string Name => $"PCT, depth {depth}, seed {seed}";

    /// <inheritdoc/>
    public bool ChoosesAtMarks => true;

    /// <inheritdoc/>
    public bool TryBegin()
    {
        _priorities.Clear();
        _moments.Clear();
        _lowest = 0;
        for (int i = 1; i < depth; i++)
            _moments.Add(_random.Below(_length));
        return true;
    }

    /// <inheritdoc/>
    public int Choose(in ScheduleChoice choice)
    {
        if (_moments.Contains(choice.Number) || !choice.CanContinue) // Who offers to wait falls behind too: else it would be in turn again at once.
            _priorities[choice.Current] = --_lowest;
        int best = choice.Enabled[0];
        foreach (int thread in choice.Enabled)
        {
            if (PriorityOf(thread) > PriorityOf(best))
                best = thread;
        }

        return best;
    }

    /// <inheritdoc/>
    public void End(int choices) => _length = Math.Max(_length, choices);

    /// <summary>A thread's priority; drawn when it is first asked for.</summary>
    /// <param name="thread">The thread.</param>
    /// <returns>Its priority.</returns>
    private int PriorityOf(int thread)
    {
        if (!_priorities.TryGetValue(thread, out int priority))
            _priorities[thread] = priority = 1 + _random.Below(1 << 20);
        return priority;
    }
}
