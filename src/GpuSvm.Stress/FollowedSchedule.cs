// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>Turns a schedule of the explorer into holds: wherever the turn went from one thread to another, the second waits where it stood until the first has passed what it passed before.</summary>
/// <remarks>Points inside the simulated memory are not come to on real memory: instead of them the next point of the held thread counts, and the last one of the other, if there is one before the turn changes
/// again. Threads that the explorer adds (timers, work put off) are left out.</remarks>
internal static class FollowedSchedule
{
    /// <summary>Makes the holds.</summary>
    /// <param name="trace">The schedule, step by step.</param>
    /// <param name="threads">How many threads the scenario has.</param>
    /// <returns>The holds, in the schedule's order.</returns>
    public static IReadOnlyList<StressHold> Make(ScheduleTrace trace, int threads)
    {
        var holds = new List<StressHold>();
        (int Thread, StressPoint Last)? before = null; // Of the slice before this one: its last point.
        (int Thread, StressPoint Last)? now = null;
        int runner = -1;
        bool[] isPreempted = new bool[threads];
        foreach ((int thread, StressPoint? point, bool takesTurn) in Points(trace, threads))
        {
            if (takesTurn && runner >= 0)
                isPreempted[runner] = true;
            if (thread != runner)
            {
                before = now ?? before;
                now = null;
                runner = thread;
            }

            if (point is not { } come)
                continue;
            if (now is null && before is { } other && other.Thread != thread)
            {
                holds.Add(new StressHold(thread, come, other.Thread, other.Last, isPreempted[thread]));
                isPreempted[thread] = false;
            }

            now = (thread, come);
        }

        return holds;
    }

    /// <summary>The points of a schedule that are on both memories, in order.</summary>
    /// <param name="trace">The schedule.</param>
    /// <param name="threads">How many threads the scenario has.</param>
    /// <returns>Thread, kind and object.</returns>
    public static IEnumerable<(int Thread, SchedulePointKind Kind, string Subject)> Shared(ScheduleTrace trace, int threads) =>
        Points(trace, threads).Where(step => step.Point is not null).Select(step => (step.Thread, step.Point!.Value.Kind, step.Point.Value.Subject));

    /// <summary>Walks through a schedule.</summary>
    /// <param name="trace">The schedule.</param>
    /// <param name="threads">How many threads the scenario has.</param>
    /// <returns>Each step of one of them: the point, if it is one that both memories have, and whether the turn was taken from another that could have gone on.</returns>
    private static IEnumerable<(int Thread, StressPoint? Point, bool TakesTurn)> Points(ScheduleTrace trace, int threads)
    {
        int[] operations = [.. Enumerable.Repeat(-1, threads)];
        var passed = new Dictionary<(int, int, SchedulePointKind, string), int>();
        foreach (ScheduleStep step in trace.Steps)
        {
            if (step.Thread < 0 || step.Thread >= threads)
                continue;
            if (step.Act == ScheduleAct.Note)
                operations[step.Thread]++;
            StressPoint? point = null;
            if (step.Act == ScheduleAct.Point && StressPoint.IsOnBoth(step.Kind, step.Subject))
            {
                (int, int, SchedulePointKind, string) key = (step.Thread, operations[step.Thread], step.Kind, step.Subject);
                int number = passed.GetValueOrDefault(key);
                passed[key] = number + 1;
                point = new StressPoint(operations[step.Thread], step.Kind, step.Subject, number);
            }

            yield return (step.Thread, point, step.IsPreemption);
        }
    }
}
