// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Races;

/// <summary>
/// A race as lines to be drawn: made from a trace once, written as a page (<see cref="RacePage"/>) or as text (<see cref="RaceText"/>).
/// </summary>
/// <remarks>
/// <para><b>What is shown at first sight.</b> A trace is mostly locks of small structures that are taken and given back before anybody else has gone on; they say nothing of a race. Shown are
/// the marks of the protocol, what threads say, waits, changes of what is watched, where a thread stood when the turn was taken from it, and the last steps before it broke. A lock is shown if something
/// of that kind, or a step of another thread, lies between taking it and giving it back. The rest is folded, and can be looked at.</para>
/// <para><b>Locks</b> of one name are told apart by nesting: what a thread gives back is the one of that name it took last. Each hold has a place in its lane for as long as it lasts.</para>
/// <para><b>Changes.</b> A step is recorded just before what it announces. What is found changed there was done by the step before it, so where another thread has gone
/// on in between, the change belongs to the line before.</para>
/// <para><b>Size.</b> Of more than <see cref="MostSteps"/> steps, those in the middle are left out: how it began and how it broke remain.</para>
/// </remarks>
internal sealed partial class RaceStory
{
    private const int MostSteps = 4000; // Some hundred bytes of a page each.
    private const int FirstSteps = 1000; // Of which so many are the first.

    private const int LastSteps = 4; // Before a thread breaks, so many are shown whatever they are.

    private readonly ScheduleTrace _trace;
    private readonly int _count; // Steps that are told.
    private readonly bool[] _isNotable; // By step.
    private readonly HeldLock?[] _takenBy; // The hold that a step began.
    private readonly HeldLock?[] _releasedBy; // The hold that a step ended.
    private readonly List<(string Name, string State)>?[] _changes; // By step.
    private readonly List<(string Name, string State)> _start = [];
    private readonly List<RaceLine> _lines = [];
    private readonly RaceLane[] _lanes; // As they stand while lines are made.

    /// <summary>Makes the lines.</summary>
    /// <param name="race">The race.</param>
    public RaceStory(RaceRecord race)
    {
        _trace = race.Trace;
        Break = RaceBreak.Find(_trace, race.Failure);
        _count = Break.Step;
        _isNotable = new bool[_count];
        _takenBy = new HeldLock?[_count];
        _releasedBy = new HeldLock?[_count];
        _changes = new List<(string, string)>?[_count];
        _lanes = new RaceLane[_trace.Threads.Count];
        Array.Fill(_lanes, new RaceLane(RaceLaneState.Absent, []));
        FindChanges();
        FindSequences();
        for (int i = 0; i < _count; i++)
            _isNotable[i] = _changes[i] is not null || RaceWords.IsTelling(Steps[i]) || (i + 1 < _count && Steps[i + 1].IsPreemption) || (Break.Thread >= 0 && i >= _count - LastSteps);
        FindLocks();
        MakeLines(race.Failure);
    }

    /// <summary>Where it broke.</summary>
    public RaceBreak Break { get; }

    /// <summary>The lines, in order.</summary>
    public IReadOnlyList<RaceLine> Lines => _lines;

    /// <summary>The steps.</summary>
    private IReadOnlyList<ScheduleStep> Steps => _trace.Steps;

    /// <summary>The lines in groups: one that is shown at first sight is a group of its own, folded ones of one thread in a row are one together.</summary>
    /// <returns>The groups, none empty.</returns>
    public IEnumerable<IReadOnlyList<RaceLine>> Groups()
    {
        for (int i = 0; i < _lines.Count;)
        {
            int end = i + 1;
            while (!_lines[i].IsNotable && end < _lines.Count && !_lines[end].IsNotable && _lines[end].Thread == _lines[i].Thread)
                end++;
            yield return _lines.GetRange(i, end - i);
            i = end;
        }
    }

    /// <summary>Says what a folded group is.</summary>
    /// <param name="group">Its lines.</param>
    /// <returns>How many steps there are, and the first locks and words they concern.</returns>
    public string Summary(IReadOnlyList<RaceLine> group)
    {
        IEnumerable<string> what = group.Select(line => Steps[line.Step])
            .Where(step => step.Kind is not (SchedulePointKind.LockReleased or SchedulePointKind.UseBeginning or SchedulePointKind.UseEnding))
            .Select(step => step.Kind is SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared or SchedulePointKind.Atomic ? RaceWords.LockOf(step.Subject) : RaceWords.Of(step))
            .Distinct().ToArray();
        string first = string.Join(", ", what.Take(3));
        int more = what.Count() - 3;
        return $"{group.Count} quiet {(group.Count == 1 ? "step" : "steps")}{(first.Length > 0 ? $": {first}" : string.Empty)}{(more > 0 ? $" and {more} more" : string.Empty)}";
    }

    /// <summary>Finds what stands differently at each step.</summary>
    private void FindChanges()
    {
        var now = new Dictionary<string, string>();
        for (int i = 0; i < _count; i++)
        {
            if (Steps[i].Watched is not { } watched)
                continue;
            bool isFirst = now.Count == 0;
            var changes = new List<(string, string)>();
            foreach ((string name, string state) in watched)
            {
                if (!now.TryGetValue(name, out string? before) || before != state)
                    changes.Add((name, state));
                now[name] = state;
            }

            foreach (string gone in now.Keys.Except(watched.Select(pair => pair.Name)).ToArray())
            {
                changes.Add((gone, "gone"));
                now.Remove(gone);
            }

            if (isFirst)
                _start.AddRange(changes);
            else
                (_changes[i > 0 && Steps[i].Thread != Steps[i - 1].Thread ? i - 1 : i] ??= []).AddRange(changes);
        }
    }

    /// <summary>Finds who holds which lock from when to when, and which of that is worth showing.</summary>
    private void FindLocks()
    {
        var open = new Dictionary<(int Thread, string Subject), Stack<int>>();
        for (int i = 0; i < _count; i++)
        {
            ScheduleStep step = Steps[i];
            if (step.Act != ScheduleAct.Point)
                continue;
            if (step.Kind is SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared)
            {
                _takenBy[i] = new HeldLock(RaceWords.LockOf(step.Subject), step.Kind == SchedulePointKind.LockTakeShared, i);
                if (!open.TryGetValue((step.Thread, step.Subject), out Stack<int>? taken))
                    open.Add((step.Thread, step.Subject), taken = []);
                taken.Push(i);
            }
            else if (step.Kind == SchedulePointKind.LockReleased && open.TryGetValue((step.Thread, step.Subject), out Stack<int>? taken) && taken.TryPop(out int take))
            {
                _takenBy[take]!.Released = i;
                _releasedBy[i] = _takenBy[take];
                bool isNotable = _isNotable[take] || _isNotable[i];
                for (int j = take + 1; j < i && !isNotable; j++)
                    isNotable = _isNotable[j] || Steps[j].Thread != step.Thread;
                _isNotable[take] = _isNotable[i] = isNotable;
            }
        }

        foreach (int take in open.Values.SelectMany(taken => taken))
            _isNotable[take] = true; // Held when it broke.
    }

    /// <summary>Makes all lines.</summary>
    /// <param name="failure">What went wrong; null for nothing.</param>
    private void MakeLines(ScheduleFailure? failure)
    {
        Add(RaceLineKind.Start, -1, 0, "at the start", _start);
        int last = -1;
        for (int i = 0; i < _count; i++)
        {
            ScheduleStep step = Steps[i];
            bool isTold = _count <= MostSteps || i < FirstSteps || i >= _count - (MostSteps - FirstSteps);
            if (step.Thread >= 0 && step.Thread != last)
            {
                if (last >= 0)
                    HandOver(last, i, isTold);
                last = step.Thread;
            }

            Advance(i);
            if (isTold)
                Tell(i);
            else if (i == FirstSteps)
                Add(RaceLineKind.Gap, -1, i, $"{_count - MostSteps} steps are left out here", []);
            if (_releasedBy[i] is { } released)
                Drop(step.Thread, released);
        }

        if (failure is not null)
            Add(RaceLineKind.Broke, Break.Thread, _count, failure.Message, []);
    }

    /// <summary>Adds the line of a step.</summary>
    /// <param name="number">The step.</param>
    private void Tell(int number)
    {
        ScheduleStep step = Steps[number];
        RaceLineKind kind = step.Act switch
        {
            ScheduleAct.Note => RaceLineKind.Note,
            ScheduleAct.Time => RaceLineKind.Time,
            _ when _alarms.Contains(number) => RaceLineKind.Alarm,
            _ => RaceLineKind.Step,
        };
        Add(kind, step.Thread, number, _words.GetValueOrDefault(number) ?? RaceWords.Of(step), _changes[number] ?? [], _isNotable[number]);
    }

    /// <summary>Brings the lane of a step's thread to where the step leaves it, but for a lock that it gives back.</summary>
    /// <param name="number">The step.</param>
    private void Advance(int number)
    {
        ScheduleStep step = Steps[number];
        if (step.Thread < 0)
            return;
        RaceLane lane = _lanes[step.Thread];
        RaceLaneState state = step.Act switch
        {
            ScheduleAct.End => RaceLaneState.Absent,
            ScheduleAct.Wait or ScheduleAct.Yield => RaceLaneState.Waiting,
            _ => RaceLaneState.Running,
        };
        _lanes[step.Thread] = new RaceLane(state, _takenBy[number] is { } taken && _isNotable[number] ? With(lane.Locks, taken) : lane.Locks);
    }

    /// <summary>The turn goes from one thread to another.</summary>
    /// <param name="from">Who had it.</param>
    /// <param name="number">The first step of who has it.</param>
    /// <param name="isTold">Whether there is a line for it.</param>
    private void HandOver(int from, int number, bool isTold)
    {
        ScheduleStep step = Steps[number];
        string goesOn = $"{_trace.Threads[step.Thread]} goes on";
        int next = Enumerable.Range(number, Steps.Count - number).FirstOrDefault(i => Steps[i].Thread == from && Steps[i].Act != ScheduleAct.End, -1);
        RaceLane lane = _lanes[from];
        if (step.IsPreemption)
        {
            _lanes[from] = lane with { State = RaceLaneState.Ready };
            string before = next >= 0 && next < _count ? $" (its next step: {RaceWords.Of(Steps[next])})" : string.Empty;
            if (isTold)
                Add(RaceLineKind.Preemption, from, number, $"turn taken from {_trace.Threads[from]}{before} \u2014 {goesOn}", []);
            return;
        }

        string why = lane.State switch
        {
            RaceLaneState.Absent => "has ended",
            RaceLaneState.Waiting => "waits",
            _ when next >= 0 && Steps[next].Kind is SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared => $"must wait for the lock {RaceWords.LockOf(Steps[next].Subject)}",
            _ => "cannot go on",
        };
        if (lane.State != RaceLaneState.Absent)
            _lanes[from] = lane with { State = RaceLaneState.Waiting };
        if (isTold)
            Add(RaceLineKind.Handover, from, number, $"{_trace.Threads[from]} {why} \u2014 {goesOn}", []);
    }

    /// <summary>Takes a lock out of its lane.</summary>
    /// <param name="thread">The lane.</param>
    /// <param name="released">The lock.</param>
    private void Drop(int thread, HeldLock released)
    {
        RaceLane lane = _lanes[thread];
        if (!lane.Locks.Contains(released))
            return;
        HeldLock?[] left = [.. lane.Locks.Select(held => ReferenceEquals(held, released) ? null : held)];
        int count = left.Length;
        while (count > 0 && left[count - 1] is null)
            count--;
        _lanes[thread] = lane with { Locks = left[..count] };
    }

    /// <summary>Locks with one more, in the first free place.</summary>
    /// <param name="locks">The locks.</param>
    /// <param name="taken">The one.</param>
    /// <returns>All.</returns>
    private static HeldLock?[] With(IReadOnlyList<HeldLock?> locks, HeldLock taken)
    {
        int place = 0;
        while (place < locks.Count && locks[place] is not null)
            place++;
        HeldLock?[] all = [.. locks, .. place == locks.Count ? new HeldLock?[1] : []];
        all[place] = taken;
        return all;
    }

    /// <summary>Adds a line at which the lanes stand as they are.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="thread">Whose.</param>
    /// <param name="step">Its step.</param>
    /// <param name="text">Its words.</param>
    /// <param name="changes">What stands differently.</param>
    /// <param name="isNotable">Whether it is shown at first sight.</param>
    private void Add(RaceLineKind kind, int thread, int step, string text, IReadOnlyList<(string Name, string State)> changes, bool isNotable = true) =>
        _lines.Add(new RaceLine(kind, thread, step, text, isNotable, [.. _lanes], changes));
}
