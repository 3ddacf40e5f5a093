// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Stress.Interop;

namespace GpuSvm.Stress;

/// <summary>Delays at schedule points, drawn from a seed: each run is hard on a few kinds of points, with sleeps that give others the time for a whole operation, and goes lightly over the others.</summary>
/// <remarks>The same seed makes the same delays at the same points of the same thread; which thread comes first is the machine's to say.</remarks>
internal sealed class RandomDelays
{
    private const int Hard = 3; // Kinds.
    private const int Whole = 1024; // What chances are parts of.

    private readonly int[] _chances; // By kind, of 1024.
    private readonly int[] _longest; // By kind, in microseconds.
    private readonly Generator[] _generators; // By thread, the last one for threads that are nobody's.

    /// <summary>Draws the delays of a run.</summary>
    /// <param name="seed">Which.</param>
    /// <param name="threads">How many threads the scenario has.</param>
    public RandomDelays(ulong seed, int threads)
    {
        int kinds = Enum.GetValues<SchedulePointKind>().Length;
        var random = new ScheduleRandom(seed);
        _chances = new int[kinds];
        _longest = new int[kinds];
        Array.Fill(_chances, random.Below(Whole / 16));
        Array.Fill(_longest, 20);
        for (int i = 0; i < Hard; i++)
        {
            int kind = random.Below(kinds);
            _chances[kind] = (Whole / 8) + random.Below(Whole / 2);
            _longest[kind] = 50 << random.Below(5);
        }

        _generators = new Generator[threads + 1];
        for (int thread = 0; thread <= threads; thread++)
            _generators[thread] = new Generator(random.Next());
    }

    /// <summary>A thread has come to a point.</summary>
    /// <param name="thread">The thread's number; -1 for one that is nobody's.</param>
    /// <param name="kind">The point.</param>
    public void Come(int thread, SchedulePointKind kind)
    {
        int microseconds = _generators[thread < 0 ? ^1 : thread].Draw(_chances[(int)kind], _longest[(int)kind]);
        if (microseconds < 0)
            return;
        if (microseconds == 0)
            Thread.Yield();
        else if (microseconds <= 20)
            Thread.SpinWait(microseconds * 40);
        else
            _ = LibC.usleep((uint)microseconds);
    }

    /// <summary>A thread's random numbers. Locking: one lock, since two threads may serve one thread's faults.</summary>
    /// <param name="seed">Where they begin.</param>
    private sealed class Generator(ulong seed)
    {
        private readonly Lock _lock = new();
        private ScheduleRandom _random = new(seed);

        /// <summary>Draws a delay.</summary>
        /// <param name="chance">How probable one is, of 1024.</param>
        /// <param name="longest">In microseconds.</param>
        /// <returns>Microseconds; 0 for a turn of others, -1 for none.</returns>
        public int Draw(int chance, int longest)
        {
            lock (_lock)
                return _random.Below(Whole) < chance ? _random.Below(longest + 1) : -1;
        }
    }
}
