// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Lab.Conformance;

/// <summary>Replays traces and finds the first line at which the answer is another.</summary>
public static class TraceReplay
{
    /// <summary>The most pages of one step.</summary>
    public const int MostPages = 16;

    private const int NeighbourPages = 2; // Shown on each side of the pages of a step that differs.

    /// <summary>Replays a trace on a fresh machine.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="afterStep">Called after each step with the machine and the step's number; null for nothing.</param>
    /// <returns>The first difference; null if every field of every line is equal.</returns>
    public static TraceDifference? Run(Trace trace, Action<TraceMachine, int>? afterStep = null)
    {
        using var machine = new TraceMachine();
        for (int index = 0; index < trace.Steps.Count; index++)
        {
            TraceStep step = trace.Steps[index];
            TraceAnswer answer = machine.Do(step);
            if (answer != step.Answer)
                return Explain(trace, index, answer);
            afterStep?.Invoke(machine, index);
        }

        uint hash = machine.FinalHash();
        return hash == trace.FinalHash ? null
            : new TraceDifference(trace.Name, trace.Steps.Count, Trace.FinalLine(trace.FinalHash), Trace.FinalLine(hash), []);
    }

    /// <summary>Describes a difference: replays up to the step once more and looks at the pages on both sides of it.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="index">The step that differs.</param>
    /// <param name="answer">What came of it here.</param>
    /// <returns>The difference.</returns>
    private static TraceDifference Explain(Trace trace, int index, TraceAnswer answer)
    {
        using var machine = new TraceMachine();
        for (int before = 0; before < index; before++)
            machine.Do(trace.Steps[before]);
        TraceStep step = trace.Steps[index];
        int first = Math.Max(0, step.Page - NeighbourPages);
        int end = Math.Min(Trace.AreaPages, step.Page + step.Pages + NeighbourPages);
        string[] states = [.. Enumerable.Range(first, end - first).Select(page => Describe(machine, page))];
        machine.Do(step);
        TracePageState[] pages = [.. states.Select((state, i) => new TracePageState(first + i, state, Describe(machine, first + i)))];
        return new TraceDifference(trace.Name, index, step.Line(index, step.Answer), step.Line(index, answer), pages);
    }

    /// <summary>All that is known of a page.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">The page, counted from the area's start.</param>
    /// <returns>Mapping, page of the CPU, entry, and each device's entry.</returns>
    private static string Describe(TraceMachine machine, int page)
    {
        AddressRange interval = TraceMachine.Pages(page, 1);
        bool isMapped = machine.Host.TryFindMapping(interval.Start, out HostMapping mapping) && mapping.Interval.Contains(interval.Start);
        string protection = !isMapped ? "hole" : mapping.IsWritable ? "rw" : mapping.IsReadable ? "r" : "none";
        var pages = new HostPage[1];
        var entries = new PageEntry[1];
        bool isPresent = machine.Memory.Query(interval, pages).IsDone() && pages[0].IsPresent;
        machine.Host.ReadEntries(interval, entries);
        string place = entries[0].IsDevice ? $"on d{entries[0].Pagemap} {(entries[0].IsWritable ? "rw" : "r")}"
            : !isPresent ? "absent" : (pages[0].IsZero ? "zero " : "ram ") + (pages[0].IsWritable ? "rw" : "r");
        IEnumerable<string> tables = machine.Devices.Select((device, i) => $"d{i}: {device.EntryOf(interval.Start)?.ToString() ?? "-"}");
        return $"{protection}, {place}; {string.Join(", ", tables)}";
    }
}
