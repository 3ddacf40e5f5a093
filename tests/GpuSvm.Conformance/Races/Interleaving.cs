// SPDX-License-Identifier: MIT
using System.Runtime.ExceptionServices;
using GpuSvm.Core.Locking;

namespace GpuSvm.Conformance.Races;

/// <summary>Forces an interleaving: what the other column of a race does happens exactly when a thread has reached a schedule point.</summary>
/// <remarks>Each step happens once. At the end all of them must have happened, or the test has forced nothing.</remarks>
public sealed class Interleaving : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Step> _steps = []; // Guarded by _gate.
    private ExceptionDispatchInfo? _failure; // Guarded by _gate. A step may run on a thread of the memory, where nothing may be thrown.

    /// <summary>Begins to watch schedule points; there is one such hook in the process.</summary>
    public Interleaving() => SchedulePoint.Install(Reached);

    /// <summary>Adds a step.</summary>
    /// <param name="kind">The schedule point.</param>
    /// <param name="action">What happens there, on the thread that has reached it.</param>
    /// <param name="nth">Which time the point is reached that counts, from 1.</param>
    /// <param name="when">Which subjects count; null for all.</param>
    /// <param name="thread">Which thread counts, asked when the point is reached; null for all.</param>
    /// <returns>This.</returns>
    public Interleaving At(SchedulePointKind kind, Action action, int nth = 1, Func<object?, bool>? when = null, Func<bool>? thread = null)
    {
        lock (_gate)
            _steps.Add(new Step(kind, action, when, thread) { Left = nth });
        return this;
    }

    /// <summary>A condition that holds on the calling thread alone.</summary>
    /// <returns>The condition.</returns>
    public static Func<bool> Here()
    {
        int here = Environment.CurrentManagedThreadId;
        return () => Environment.CurrentManagedThreadId == here;
    }

    /// <summary>A condition that holds on every thread but the calling one.</summary>
    /// <returns>The condition.</returns>
    public static Func<bool> Elsewhere()
    {
        int here = Environment.CurrentManagedThreadId;
        return () => Environment.CurrentManagedThreadId != here;
    }

    /// <summary>Waits for something that another thread does.</summary>
    /// <param name="condition">What must come true.</param>
    public static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, 20_000), "The other side of the race does not get where it is wanted.");

    /// <summary>Stops watching and asserts that every step has happened.</summary>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        lock (_gate)
        {
            _failure?.Throw();
            foreach (Step step in _steps)
                Assert.True(step.Left <= 0, $"{step.Kind} was never reached: the test forces nothing.");
        }
    }

    /// <summary>Runs the steps that a thread has come to.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned.</param>
    private void Reached(SchedulePointKind kind, object? subject)
    {
        foreach (Step step in Take(kind, subject))
        {
            try
            {
                step.Action();
            }
            catch (Exception failure)
            {
                lock (_gate)
                    _failure ??= ExceptionDispatchInfo.Capture(failure);
            }
        }
    }

    /// <summary>Counts an arrival at a point for all steps, before any of them is done: another thread may come while one is.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned.</param>
    /// <returns>The steps whose moment has come.</returns>
    private List<Step> Take(SchedulePointKind kind, object? subject)
    {
        lock (_gate)
            return _steps.FindAll(step => step.Kind == kind && (step.When is null || step.When(subject)) && (step.Thread is null || step.Thread()) && --step.Left == 0);
    }

    /// <summary>One step.</summary>
    private sealed record Step(SchedulePointKind Kind, Action Action, Func<object?, bool>? When, Func<bool>? Thread)
    {
        /// <summary>How often the point is still to be reached.</summary>
        public int Left { get; set; }
    }
}
