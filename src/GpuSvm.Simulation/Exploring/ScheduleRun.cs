// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>
/// One schedule: runs the threads of a machine one at a time, and asks a strategy at each point who goes on.
/// </summary>
/// <remarks>
/// <para><b>Turns.</b> Exactly one thread runs; the others sleep, each at a point. A thread at a point decides itself who is next and hands the turn on, so that nothing is spent where it
/// goes on itself. A thread that is about to take a lock can go on when the lock is free; since it then takes it before anybody else runs, no thread ever sleeps in a lock.</para>
/// <para><b>Waits.</b> Who waits can go on when somebody has signalled, or when nobody else can: then time passes, as a wait here never lasts longer than a moment. If that has
/// happened often without anything coming of it, the threads are deadlocked. Who yields can go on when another thread has done something.</para>
/// <para><b>Failure.</b> The first failure ends the schedule: every thread is woken in turn and unwinds by an exception.</para>
/// <para><b>History.</b> Each step has a hash of its thread's last step and of the last steps on its subject that it does not commute with. The sum over all steps is the same
/// for all orders that differ only in steps that do not concern each other (Mazurkiewicz's traces; used by CHESS to search each once).</para>
/// </remarks>
internal sealed partial class ScheduleRun : IDisposable
{
    private const int MaxStalls = 16;

    private readonly IExploredMachine _machine;
    private readonly IScheduleStrategy _strategy;
    private readonly ScheduleWorkers _workers;
    private readonly ScheduleCoverage _coverage;
    private readonly int _maxSteps;
    private readonly List<ScheduleStep>? _trace;
    private readonly bool _watches;
    private readonly List<ScheduledThread> _threads = [];
    private readonly Dictionary<object, ScheduleSubject> _subjects = new(ReferenceEqualityComparer.Instance);
    private readonly List<KeyValuePair<int, int>> _decisions = [];
    private readonly SemaphoreSlim _ended = new(0);
    private int[] _enabled = new int[8];
    private ScheduleFailure? _failure;
    private IReadOnlyList<(string Name, string State)>? _watched;
    private ulong _history;
    private int _live; // Threads that have not ended.
    private int _current; // Whose turn it is.
    private int _steps;
    private int _choices;
    private int _preemptions;
    private int _stalls; // Times that nobody could go on since something last came of it.
    private int _lastPoint = -1; // Of the thread that went last.
    private int _lastThread = -1;
    private int _turnChoice = -1; // By which choice the turn came; -1 for none.
    private bool _turnIsPreemption;

    /// <summary>Prepares a schedule.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="strategy">Chooses; it has begun.</param>
    /// <param name="workers">Run the threads.</param>
    /// <param name="coverage">Gets what is come past.</param>
    /// <param name="maxSteps">After how many steps it counts as a livelock.</param>
    /// <param name="records">Whether the steps are kept.</param>
    /// <param name="watches">Whether they say how things stood.</param>
    public ScheduleRun(IExploredMachine machine, IScheduleStrategy strategy, ScheduleWorkers workers, ScheduleCoverage coverage, int maxSteps, bool records, bool watches)
    {
        _machine = machine;
        _strategy = strategy;
        _workers = workers;
        _coverage = coverage;
        _maxSteps = maxSteps;
        _trace = records ? [] : null;
        _watches = watches;
    }

    /// <summary>Runs it to its end and checks the machine.</summary>
    /// <returns>How it went.</returns>
    public ScheduleResult Execute()
    {
        foreach (ExploredThread thread in _machine.Threads)
            Start(thread.Name, thread.Body);
        _current = -1;
        PickNext(canContinue: false)!.Worker.GiveTurn();
        _ended.Wait();
        _failure ??= _machine.Check();
        _strategy.End(_choices);
        ScheduleTrace? trace = _trace is null ? null : new ScheduleTrace(_threads.ConvertAll(thread => thread.Name), _trace);
        return new ScheduleResult(_failure, new DecisionString(_strategy.ChoosesAtMarks, _decisions), _preemptions, _steps, _choices, trace);
    }

    /// <inheritdoc/>
    public void Dispose() => _ended.Dispose();

    /// <summary>Adds a thread that begins when it gets its turn.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="body">What it does.</param>
    public void Start(string name, Action body)
    {
        ScheduleWorker worker = _workers.Take();
        var thread = new ScheduledThread(this, _threads.Count, name, worker);
        if (_threads.Count > 0 && _current >= 0)
            thread.History ^= Mix(_threads[_current].History);
        worker.Assign(this, thread, body);
        _threads.Add(thread);
        _live++;
    }

    /// <summary>A thread has its first turn.</summary>
    /// <param name="thread">The thread.</param>
    public void Begin(ScheduledThread thread)
    {
        ThrowIfFailed();
        Record(thread, ScheduleAct.Begin, default, null);
    }

    /// <summary>A thread has ended, or unwound; hands the turn on.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="worker">Its worker, which has nothing else to do.</param>
    /// <param name="thrown">What it threw; null for nothing.</param>
    public void End(ScheduledThread thread, ScheduleWorker worker, Exception? thrown)
    {
        if (thrown is not (null or ScheduleAbortedException))
            Fail(ScheduleFailure.Of(thread.Name, thrown));
        thread.State = ScheduledState.Ended;
        _stalls = 0;
        LetYieldersLook(thread);
        Record(thread, ScheduleAct.End, default, thrown switch
        {
            null => null,
            ScheduleAbortedException => ScheduleStep.Stopped,
            _ => ScheduleStep.Broke,
        });
        _workers.Put(worker);
        if (--_live == 0)
        {
            _ended.Release();
            return;
        }

        (PickNext(canContinue: false) ?? NextToUnwind()).Worker.GiveTurn();
    }

    /// <summary>A thread has come to a point.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned.</param>
    public void Reach(ScheduledThread thread, SchedulePointKind kind, object? subject)
    {
        if (kind == SchedulePointKind.LockReleased)
        {
            Release(thread, SubjectOf(thread, subject!));
            if (_failure is null)
                Record(thread, ScheduleAct.Point, kind, subject);
            return;
        }

        ThrowIfFailed();
        if (kind == SchedulePointKind.Wait)
            return; // What follows says how it waits.
        if (kind is SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared)
        {
            thread.WantedLock = SubjectOf(thread, subject!);
            thread.WantsShared = kind == SchedulePointKind.LockTakeShared && subject is not RankedReaderWriterLock { HasFewReaders: true };
        }

        if (!ScheduleKinds.IsMark(kind) || _strategy.ChoosesAtMarks)
            PassTurn(thread, canContinue: thread.IsEnabled);
        if (thread.WantedLock is { } taken)
            Take(thread, taken);
        Step(thread, kind, subject);
    }

    /// <summary>A thread waits until a subject has changed.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="subject">The subject.</param>
    public void Wait(ScheduledThread thread, object subject)
    {
        ThrowIfFailed();
        Record(thread, ScheduleAct.Wait, default, subject);
        thread.State = ScheduledState.Waiting;
        thread.AwaitedSubject = subject;
        Rest(thread);
    }

    /// <summary>A thread lets others go first.</summary>
    /// <param name="thread">The thread.</param>
    public void Yield(ScheduledThread thread)
    {
        ThrowIfFailed();
        Record(thread, ScheduleAct.Yield, default, null);
        thread.State = ScheduledState.Yielding;
        Rest(thread);
    }

    /// <summary>Something has changed.</summary>
    /// <param name="thread">The thread that changed it.</param>
    /// <param name="subject">What.</param>
    public void Signal(ScheduledThread thread, object subject)
    {
        if (_failure is not null)
            return;
        bool isHeard = false;
        foreach (ScheduledThread other in _threads)
        {
            if (other.State != ScheduledState.Waiting || !ReferenceEquals(other.AwaitedSubject, subject))
                continue;
            other.MayLook = true;
            isHeard = true;
        }

        if (isHeard)
        {
            _stalls = 0;
            Record(thread, ScheduleAct.Signal, default, subject);
        }
    }

    /// <summary>A thread that waits or yields hands the turn on and gets it back.</summary>
    /// <param name="thread">The thread.</param>
    private void Rest(ScheduledThread thread)
    {
        thread.MayLook = false;
        CountStep();
        LetYieldersLook(thread);
        PassTurn(thread, canContinue: false);
        thread.State = ScheduledState.Ready;
        thread.AwaitedSubject = null;
        thread.History = Mix(thread.History + _history); // What woke it is not told apart: nothing is assumed to commute with it.
        _history += Mix(thread.History);
    }

    /// <summary>Lets the strategy choose who goes on; returns when the thread has its turn.</summary>
    /// <param name="thread">The thread whose turn it is.</param>
    /// <param name="canContinue">Whether it could go on itself.</param>
    private void PassTurn(ScheduledThread thread, bool canContinue)
    {
        _turnChoice = -1;
        _turnIsPreemption = false;
        ScheduledThread? next = PickNext(canContinue);
        if (next is not null && !ReferenceEquals(next, thread))
        {
            next.Worker.GiveTurn();
            thread.Worker.AwaitTurn();
        }

        ThrowIfFailed();
    }

    /// <summary>Finds who goes on.</summary>
    /// <param name="canContinue">Whether the thread that went last could.</param>
    /// <returns>The thread, now in turn; null if the schedule has failed.</returns>
    private ScheduledThread? PickNext(bool canContinue)
    {
        while (_failure is null)
        {
            int count = 0;
            if (_enabled.Length < _threads.Count)
                _enabled = new int[_threads.Count * 2];
            foreach (ScheduledThread thread in _threads)
            {
                if (thread.IsEnabled)
                    _enabled[count++] = thread.Id;
            }

            if (count == 0)
            {
                LetTimePass();
                continue;
            }

            _current = count == 1 ? _enabled[0] : Choose(_enabled.AsSpan(0, count), canContinue);
            return _threads[_current];
        }

        return null;
    }

    /// <summary>Asks the strategy.</summary>
    /// <param name="enabled">Who can go on, at least two.</param>
    /// <param name="canContinue">Whether the thread that went last could.</param>
    /// <returns>Who does.</returns>
    private int Choose(ReadOnlySpan<int> enabled, bool canContinue)
    {
        var choice = new ScheduleChoice { Number = _choices, Enabled = enabled, Current = _current, CanContinue = canContinue, History = _history };
        int chosen;
        try
        {
            chosen = _strategy.Choose(choice);
        }
        catch (InvalidOperationException broken)
        {
            Fail(new ScheduleFailure(ScheduleFailureKind.Exception, broken.Message)); // It must not end on the thread in turn alone: the others would sleep for ever.
            chosen = canContinue ? _current : enabled[0];
        }

        if (chosen != (canContinue ? _current : enabled[0]))
            _decisions.Add(new KeyValuePair<int, int>(_choices, chosen));
        _turnChoice = _choices++;
        _turnIsPreemption = canContinue && chosen != _current;
        _preemptions += _turnIsPreemption ? 1 : 0;
        return chosen;
    }

    /// <summary>Nobody can go on: time passes, or it is a deadlock.</summary>
    private void LetTimePass()
    {
        bool canLook = false;
        foreach (ScheduledThread thread in _threads)
        {
            if (thread.State is not (ScheduledState.Waiting or ScheduledState.Yielding))
                continue;
            thread.MayLook = true;
            canLook = true;
        }

        if (_machine.LetTimePass() is { } timer)
            Start("clock", timer);
        else if (!canLook || ++_stalls > MaxStalls)
            Fail(new ScheduleFailure(ScheduleFailureKind.Deadlock, "nobody can go on: " + string.Join("; ", _threads.Where(thread => thread.State != ScheduledState.Ended).Select(Describe))));
        _history = Mix(_history);
        _trace?.Add(new ScheduleStep(-1, ScheduleAct.Time, default, string.Empty, -1, false, null));
    }
}
