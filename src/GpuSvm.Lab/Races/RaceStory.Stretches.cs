// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <content>The race in a few sentences: who went how far, and then who.</content>
internal sealed partial class RaceStory
{
    /// <summary>The stretches in which one thread after the other had the turn.</summary>
    /// <returns>The stretches, in order.</returns>
    public IReadOnlyList<RaceStretch> Stretches()
    {
        var stretches = new List<RaceStretch>();
        var current = new string?[_lanes.Length]; // What each thread is doing.
        var operations = new List<string>();
        int first = -1;
        int thread = -1;
        foreach (RaceLine line in _lines)
        {
            if (line.Kind is RaceLineKind.Preemption or RaceLineKind.Handover)
            {
                if (thread >= 0)
                    stretches.Add(new RaceStretch(thread, first, [.. operations], line.Text, line.Kind == RaceLineKind.Preemption));
                operations.Clear();
                thread = -1;
            }

            if (line.Thread < 0 || line.Kind is not (RaceLineKind.Note or RaceLineKind.Step or RaceLineKind.Alarm))
                continue;
            if (thread < 0)
            {
                thread = line.Thread;
                first = line.Step;
                if (line.Kind != RaceLineKind.Note && current[thread] is { } continued)
                    operations.Add($"... {continued}");
            }

            if (line.Kind != RaceLineKind.Note)
                continue;
            operations.Add(line.Text);
            current[thread] = line.Text;
        }

        if (thread >= 0)
            stretches.Add(new RaceStretch(thread, first, operations, string.Empty, IsPreempted: false));
        return stretches;
    }
}
