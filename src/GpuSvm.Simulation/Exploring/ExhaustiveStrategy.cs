// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>All schedules with at most so many preemptions, depth first: first those with none, then with one, and so on, so that the first failure found has the fewest.</summary>
/// <remarks>
/// A preemption takes the turn from a thread that could go on. Where a thread waits, offers to, or ends, any other may follow at no cost. Most known races need one or two preemptions
/// (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007).
///
/// <para><b>Reduction.</b> Two orders of steps are the same if they differ only in steps that do not concern each other. Each choice comes with a hash of what has happened so far up
/// to such differences; where a history was seen before with the same thread in turn and as many preemptions left, its continuations were, or will be, searched from there, and no alternatives are taken from here on.
/// The schedule that is under way is run to its end. This is as exact as the steps' subjects are: what threads tell each other past all points is not seen.</para>
/// </remarks>
/// <param name="bound">The most preemptions, 0 or more.</param>
/// <param name="reduces">Whether equal histories are searched once.</param>
/// <param name="part">Which part of the search this one does, from 0: parts differ in the choice at which schedules first leave the ordinary one.</param>
/// <param name="parts">How many parts there are.</param>
public sealed class ExhaustiveStrategy(int bound, bool reduces = true, int part = 0, int parts = 1) : IScheduleStrategy
{
    private readonly List<Node> _path = [];
    private readonly Dictionary<ulong, int> _seen = []; // Most preemptions that were left where a history was searched.
    private int _depth;
    private int _used; // Preemptions so far in this schedule.
    private bool _isOld; // From here on this schedule repeats what was searched.
    private int _level = -1;
    private bool _hasBegun;

    /// <inheritdoc/>
    public string Name => $"exhaustive, at most {bound} preemptions";

    /// <inheritdoc/>
    public bool ChoosesAtMarks => false;

    /// <summary>The preemptions allowed at this moment.</summary>
    public int Level => _level;

    /// <summary>Up to how many preemptions everything has been searched; -1 for none yet.</summary>
    public int Exhausted { get; private set; } = -1;

    /// <summary>Schedules that were cut off because they had become what was searched before.</summary>
    public long Cut { get; private set; }

    /// <inheritdoc/>
    public bool TryBegin()
    {
        _depth = 0;
        _used = 0;
        _isOld = false;
        if (_hasBegun && Backtrack())
            return true;
        if (_hasBegun)
            Exhausted = _level;
        if (_level >= bound)
            return false;
        _level++;
        _hasBegun = true;
        _path.Clear();
        _seen.Clear();
        return true;
    }

    /// <inheritdoc/>
    public int Choose(in ScheduleChoice choice)
    {
        int ordinary = choice.CanContinue ? choice.Current : choice.Enabled[0];
        if (_depth < _path.Count)
        {
            Node node = _path[_depth++];
            int chosen = node.Threads[node.Chosen];
            if (node.History != choice.History || !choice.Enabled.Contains(chosen))
                throw new InvalidOperationException($"The program does not repeat itself: up to choice {choice.Number} something else has happened than before, with the same choices.");
            _used += chosen != ordinary && choice.CanContinue ? 1 : 0;
            return chosen;
        }

        if (_isOld || IsOld(choice))
            return ordinary;
        int[] threads = choice.Enabled.ToArray();
        int first = Array.IndexOf(threads, ordinary);
        (threads[0], threads[first]) = (threads[first], threads[0]);
        bool mayPreempt = !choice.CanContinue || _used < _level;
        _path.Add(new Node { Threads = threads, History = choice.History, Left = mayPreempt ? threads.Length - 1 : 0 });
        _depth++;
        return ordinary;
    }

    /// <inheritdoc/>
    public void End(int choices) => Cut += _isOld ? 1 : 0;

    /// <summary>Whether the history at a choice was searched before with as much freedom.</summary>
    /// <param name="choice">The choice.</param>
    /// <returns>True if so; it stays so for the rest of the schedule.</returns>
    private bool IsOld(in ScheduleChoice choice)
    {
        if (!reduces)
            return false;
        ulong key = (choice.History * 0x9E3779B97F4A7C15) ^ ((ulong)(uint)choice.Current << 1) ^ (choice.CanContinue ? 1UL : 0);
        int left = _level - _used;
        if (_seen.TryGetValue(key, out int before) && before >= left)
            return _isOld = true;
        _seen[key] = left;
        return false;
    }

    /// <summary>Turns to the last choice that has alternatives left.</summary>
    /// <returns>False if none has.</returns>
    private bool Backtrack()
    {
        while (_path.Count > 0)
        {
            Node last = _path[^1];
            bool isFirst = parts > 1 && last.Chosen == 0 && !_path.Exists(node => node.Chosen > 0);
            if (last.Left > 0 && (!isFirst || (_path.Count - 1) % parts == part))
            {
                last.Left--;
                last.Chosen++;
                return true;
            }

            _path.RemoveAt(_path.Count - 1);
        }

        return false;
    }

    /// <summary>One choice on the path that is being searched.</summary>
    private sealed class Node
    {
        /// <summary>Who could go on, the ordinary choice first.</summary>
        public required int[] Threads { get; init; }

        /// <summary>What had happened before it.</summary>
        public required ulong History { get; init; }

        /// <summary>Whose turn it is in this schedule.</summary>
        public int Chosen { get; set; }

        /// <summary>Alternatives not searched yet.</summary>
        public int Left { get; set; }
    }
}
