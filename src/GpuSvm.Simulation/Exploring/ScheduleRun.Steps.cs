// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <content>What steps do to locks and to the history, and how failures are told.</content>
internal sealed partial class ScheduleRun
{
    /// <summary>Spreads the bits of a hash.</summary>
    /// <param name="value">Any.</param>
    /// <returns>Another, different for different values.</returns>
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 31)) * 0x7FB5D329728EA185;
        value = (value ^ (value >> 27)) * 0x81DADEF4BC2DD44D;
        return value ^ (value >> 33);
    }

    /// <summary>A thread passes a point.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned.</param>
    private void Step(ScheduledThread thread, SchedulePointKind kind, object? subject)
    {
        CountStep();
        LetYieldersLook(thread);
        ulong hash = Mix(thread.History + ((ulong)kind << 48));
        ScheduleSubject? known = subject is null ? null : SubjectOf(thread, subject);
        if (known is not null && ScheduleKinds.Changes(kind))
        {
            hash = Mix(hash + known.LastChange + (known.Looks * 3));
            known.LastChange = hash;
            known.Looks = 0;
        }
        else if (known is not null && ScheduleKinds.Looks(kind))
        {
            hash = Mix(hash + known.LastChange);
            known.Looks += hash;
        }

        thread.History = hash;
        _history += Mix(hash);
        int point = _coverage.NumberOf(kind, SubjectNames.Of(subject));
        if (_lastThread != thread.Id && _lastPoint >= 0)
            _coverage.Follow(_lastPoint, point);
        _lastPoint = point;
        _lastThread = thread.Id;
        Record(thread, ScheduleAct.Point, kind, subject);
    }

    /// <summary>Counts a step; too many are a livelock.</summary>
    private void CountStep()
    {
        if (++_steps > _maxSteps)
            Fail(new ScheduleFailure(ScheduleFailureKind.Livelock, $"no end after {_maxSteps} steps: " + string.Join("; ", _threads.Where(thread => thread.State != ScheduledState.Ended).Select(Describe))));
        ThrowIfFailed();
    }

    /// <summary>A thread has done something: those that let it go first may try again.</summary>
    /// <param name="thread">The thread.</param>
    private void LetYieldersLook(ScheduledThread thread)
    {
        foreach (ScheduledThread other in _threads)
            other.MayLook |= other.State == ScheduledState.Yielding && !ReferenceEquals(other, thread);
    }

    /// <summary>A thread takes the lock it wants, which is free.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="taken">The lock.</param>
    private static void Take(ScheduledThread thread, ScheduleSubject taken)
    {
        if (thread.WantsShared)
            taken.Readers++;
        else
            taken.Writer = thread.Id;
        thread.WantedLock = null;
    }

    /// <summary>A thread has given a lock back.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="released">The lock.</param>
    private static void Release(ScheduledThread thread, ScheduleSubject released)
    {
        if (released.Writer == thread.Id)
            released.Writer = -1;
        else
            released.Readers--;
    }

    /// <summary>What is known of an object.</summary>
    /// <param name="thread">The thread that names it.</param>
    /// <param name="subject">The object.</param>
    /// <returns>The same for the same object.</returns>
    private ScheduleSubject SubjectOf(ScheduledThread thread, object subject)
    {
        if (!_subjects.TryGetValue(subject, out ScheduleSubject? known))
            _subjects.Add(subject, known = new ScheduleSubject(Mix(((ulong)(thread.Id + 1) << 32) + (ulong)++thread.Found)));
        return known;
    }

    /// <summary>Notes a step, if steps are kept.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="act">What it did.</param>
    /// <param name="kind">The point, for an act at one.</param>
    /// <param name="subject">The object concerned.</param>
    private void Record(ScheduledThread thread, ScheduleAct act, SchedulePointKind kind, object? subject)
    {
        if (_trace is null)
            return;
        IReadOnlyList<(string Name, string State)> watched = _watches ? _machine.Watch() : [];
        bool isNews = _watched is null || !watched.SequenceEqual(_watched);
        _watched = watched;
        _trace.Add(new ScheduleStep(thread.Id, act, kind, SubjectNames.Of(subject), _turnChoice, _turnIsPreemption, isNews ? watched : null));
        _turnChoice = -1;
        _turnIsPreemption = false;
    }

    /// <summary>A thread says what it is about to do.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="what">What.</param>
    public void Note(ScheduledThread thread, string what) => Record(thread, ScheduleAct.Note, default, what);

    /// <summary>Notes what went wrong, if nothing has before.</summary>
    /// <param name="failure">What.</param>
    private void Fail(ScheduleFailure failure) => _failure ??= failure;

    /// <summary>Takes the calling thread out of a schedule that has failed.</summary>
    /// <exception cref="ScheduleAbortedException">It has.</exception>
    private void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new ScheduleAbortedException();
    }

    /// <summary>The next thread that has to unwind.</summary>
    /// <returns>One that has not ended.</returns>
    private ScheduledThread NextToUnwind() => _threads.First(thread => thread.State != ScheduledState.Ended);

    /// <summary>What a thread that has not ended is doing.</summary>
    /// <param name="thread">The thread.</param>
    /// <returns>A clause.</returns>
    private string Describe(ScheduledThread thread)
    {
        if (thread.WantedLock is { } wanted)
        {
            object locked = _subjects.First(pair => ReferenceEquals(pair.Value, wanted)).Key;
            string holder = wanted.Writer >= 0 ? $"which {_threads[wanted.Writer].Name} has" : $"which {wanted.Readers} read";
            return $"{thread.Name} wants the lock '{SubjectNames.Of(locked)}', {holder}";
        }

        return thread.State switch
        {
            ScheduledState.Waiting => $"{thread.Name} waits for {SubjectNames.Of(thread.AwaitedSubject)}",
            ScheduledState.Yielding => $"{thread.Name} tries again and again",
            _ => $"{thread.Name} can go on",
        };
    }
}
