// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Races;

/// <content>Sequences that threads have read, beside what they are when it counts.</content>
internal sealed partial class RaceStory
{
    private readonly Dictionary<int, string> _words = []; // By step, where they say more than the step alone.

    private readonly HashSet<int> _alarms = []; // Steps that publish what is out of date.

    /// <summary>Finds what each fault has read as its window's sequence, and what that is where it publishes. Where there are several windows, the trace does not say which is meant, and the words stay general.</summary>
    private void FindSequences()
    {
        string? window = null; // The only window's sequence; null where there is none or there are several.
        var read = new string?[_lanes.Length];
        for (int i = 0; i < _count; i++)
        {
            ScheduleStep step = Steps[i];
            if (step.Watched is { } watched)
                window = watched.Count(pair => IsWindow(pair.Name)) == 1 ? watched.First(pair => IsWindow(pair.Name)).State : null;
            if (step.Act != ScheduleAct.Point || step.Kind is not (SchedulePointKind.SequenceRead or SchedulePointKind.PagesPublishing))
                continue;
            if (step.Kind == SchedulePointKind.SequenceRead)
                read[step.Thread] = window;
            if (window is null || read[step.Thread] is not { } before)
                continue;
            _words[i] = step.Kind == SchedulePointKind.SequenceRead ? $"reads the window's sequence: {window}; a fault begins with it"
                : before == window ? $"about to publish the pages (Notifier held, sequence still {window})"
                : $"about to publish the pages although the sequence is {window}, and it has read {before}";
            if (step.Kind == SchedulePointKind.PagesPublishing && before != window)
                _alarms.Add(i);
        }
    }

    /// <summary>Whether a watched name is that of a window.</summary>
    /// <param name="name">The name.</param>
    /// <returns>True if so.</returns>
    private static bool IsWindow(string name) => RaceLine.IsSequence(name) && name != "seq";
}
