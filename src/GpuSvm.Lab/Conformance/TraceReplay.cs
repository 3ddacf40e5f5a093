// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>Replays traces and finds the first line at which the answer is another.</summary>
public static class TraceReplay
{
    /// <summary>The most pages of one step.</summary>
    public const int MostPages = 16;

    private const int NeighbourPages = 2; // Shown on each side of the pages of a step that differs.

    /// <summary>Replays a trace on a fresh simulated machine.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="afterStep">Called after each step with the machine and the step's number; null for nothing.</param>
    /// <returns>The first difference; null if every field of every line is equal.</returns>
    public static TraceDifference? Run(Trace trace, Action<TraceMachine, int>? afterStep = null)
        => Run(trace, static () => new TraceMachine(), afterStep, static (_, _) => false);

    /// <summary>Replays a trace on a fresh machine of any kind.</summary>
    /// <typeparam name="TMachine">The machine's type.</typeparam>
    /// <param name="trace">The trace.</param>
    /// <param name="open">Makes a machine.</param>
    /// <param name="afterStep">Called after each step with the machine and the step's number; null for nothing.</param>
    /// <param name="allows">Whether an answer that is not the recorded one will do, for a step; asked for each such answer.</param>
    /// <returns>The first difference that does not do; null if there is none.</returns>
    public static TraceDifference? Run<TMachine>(Trace trace, Func<TMachine> open, Action<TMachine, int>? afterStep, Func<TraceStep, TraceAnswer, bool> allows)
        where TMachine : ITraceMachine
    {
        using TMachine machine = open();
        for (int index = 0; index < trace.Steps.Count; index++)
        {
            TraceStep step = trace.Steps[index];
            TraceAnswer answer = machine.Do(step);
            if (answer != step.Answer && !allows(step, answer))
                return Explain(trace, index, answer, open);
            afterStep?.Invoke(machine, index);
        }

        uint hash = machine.FinalHash();
        return hash == trace.FinalHash ? null
            : new TraceDifference(trace.Name, trace.Steps.Count, Trace.FinalLine(trace.FinalHash), Trace.FinalLine(hash), []);
    }

    /// <summary>Describes a difference: replays up to the step once more and looks at the pages on both sides of it.</summary>
    /// <typeparam name="TMachine">The machine's type.</typeparam>
    /// <param name="trace">The trace.</param>
    /// <param name="index">The step that differs.</param>
    /// <param name="answer">What came of it here.</param>
    /// <param name="open">Makes a machine.</param>
    /// <returns>The difference.</returns>
    private static TraceDifference Explain<TMachine>(Trace trace, int index, TraceAnswer answer, Func<TMachine> open)
        where TMachine : ITraceMachine
    {
        using TMachine machine = open();
        for (int before = 0; before < index; before++)
            machine.Do(trace.Steps[before]);
        TraceStep step = trace.Steps[index];
        int first = Math.Max(0, step.Page - NeighbourPages);
        int end = Math.Min(Trace.AreaPages, step.Page + step.Pages + NeighbourPages);
        string[] states = [.. Enumerable.Range(first, end - first).Select(page => machine.Describe(page))];
        machine.Do(step);
        TracePageState[] pages = [.. states.Select((state, i) => new TracePageState(first + i, state, machine.Describe(first + i)))];
        return new TraceDifference(trace.Name, index, step.Line(index, step.Answer), step.Line(index, answer), pages);
    }
}
