// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Stress.Interop;

namespace GpuSvm.Stress;

/// <summary>Holds threads as a schedule of the explorer says, for some milliseconds at most, and counts which of its windows were hit; or only counts.</summary>
/// <remarks>
/// A window is hit if the other thread has passed what it was to pass while the held one stood at its point: between coming there and coming to its next one. What stands in the way on
/// real memory (another lock, a fault that takes longer) lets the hold run out, and the run goes on as it likes.
/// <para>Locking: one lock of its own, not held while a thread waits.</para>
/// </remarks>
/// <param name="holds">The schedule.</param>
/// <param name="threads">How many threads the scenario has.</param>
/// <param name="longest">How long a thread is held; zero: hits are counted only.</param>
internal sealed class FollowingDelays(IReadOnlyList<StressHold> holds, int threads, TimeSpan longest)
{
    private readonly Lock _lock = new();
    private readonly State[] _states = [.. holds.Select(hold => new State(hold))];
    private readonly bool[] _hasEnded = new bool[threads]; // Guarded by _lock.

    /// <summary>Windows of the schedule.</summary>
    public int Windows => _states.Count(state => state.Hold.IsWindow);

    /// <summary>Those that were hit.</summary>
    public int Hits => _states.Count(state => state.Hold.IsWindow && state.IsHit);

    /// <summary>A thread has come to a point; returns when it may go on.</summary>
    /// <param name="thread">The thread's number.</param>
    /// <param name="point">The point.</param>
    public void Come(int thread, StressPoint point)
    {
        State? waits = null;
        lock (_lock)
        {
            foreach (State state in _states)
            {
                if (state.Hold.Thread == thread)
                    state.HasLeft |= state.HasCome;
                if (state.Hold.Other == thread && state.IsPassing)
                    state.Release();
                if (state.Hold.Other == thread && state.Hold.Until == point)
                    state.IsPassing = true;
                if (state.Hold.Thread != thread || state.Hold.At != point || state.IsReleased)
                    continue;
                state.HasCome = true;
                waits = longest > TimeSpan.Zero ? state : null;
            }
        }

        if (waits is not null)
            WaitFor(waits);
    }

    /// <summary>A thread has done what followed its last point, and comes to none for now: it sleeps until its page is there, or has ended.</summary>
    /// <param name="thread">The thread's number.</param>
    /// <param name="hasEnded">Whether it has ended: nobody is held for it any more.</param>
    public void Pass(int thread, bool hasEnded)
    {
        lock (_lock)
        {
            _hasEnded[thread] |= hasEnded;
            foreach (State state in _states)
            {
                if (state.Hold.Other == thread && state.IsPassing)
                    state.Release();
            }
        }
    }

    /// <summary>Holds the calling thread.</summary>
    /// <param name="state">The hold.</param>
    private void WaitFor(State state)
    {
        long start = Stopwatch.GetTimestamp();
        for (int look = 0; Stopwatch.GetElapsedTime(start) < longest; look++)
        {
            lock (_lock)
            {
                if (state.IsReleased || _hasEnded[state.Hold.Other])
                    return;
            }

            if (look < 10)
                Thread.Yield();
            else
                _ = LibC.usleep(20);
        }
    }

    /// <summary>How far one hold has come.</summary>
    /// <param name="hold">The hold.</param>
    private sealed class State(StressHold hold)
    {
        /// <summary>The hold.</summary>
        public StressHold Hold { get; } = hold;

        /// <summary>The held thread has come to its point.</summary>
        public bool HasCome { get; set; }

        /// <summary>And has come to its next one.</summary>
        public bool HasLeft { get; set; }

        /// <summary>The other is at the point that it was to pass, or on its way to the next.</summary>
        public bool IsPassing { get; set; }

        /// <summary>The other has passed it.</summary>
        public bool IsReleased { get; private set; }

        /// <summary>It had while the held thread stood there.</summary>
        public bool IsHit { get; private set; }

        /// <summary>The other has passed its point.</summary>
        public void Release()
        {
            IsHit |= !IsReleased && HasCome && !HasLeft;
            IsReleased = true;
        }
    }
}
