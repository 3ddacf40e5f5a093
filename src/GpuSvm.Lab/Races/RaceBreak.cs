// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Races;

/// <summary>Where in its trace a schedule broke.</summary>
/// <param name="Thread">The thread in which it showed; -1 where it is none's alone.</param>
/// <param name="Step">The first step that came after it: those from here on are of threads that were stopped.</param>
/// <param name="Operation">What that thread was doing, in the scenario's words; empty if unknown.</param>
internal readonly record struct RaceBreak(int Thread, int Step, string Operation)
{
    /// <summary>Finds it.</summary>
    /// <param name="trace">The steps.</param>
    /// <param name="failure">What went wrong; null for nothing.</param>
    /// <returns>The place: the end of the trace if nothing went wrong, or if it showed only when all threads had ended.</returns>
    public static RaceBreak Find(ScheduleTrace trace, ScheduleFailure? failure)
    {
        for (int i = 0; failure is not null && i < trace.Steps.Count; i++)
        {
            ScheduleStep step = trace.Steps[i];
            if (step.Act != ScheduleAct.End || step.Subject.Length == 0)
                continue;
            return step.Subject == ScheduleStep.Broke ? new RaceBreak(step.Thread, i, LastNote(trace.Steps, step.Thread)) : new RaceBreak(-1, i, string.Empty);
        }

        return new RaceBreak(-1, trace.Steps.Count, string.Empty);
    }

    /// <summary>What happened and where, in one sentence.</summary>
    /// <param name="race">The race.</param>
    /// <returns>The sentence, without what exactly was wrong.</returns>
    public string Headline(RaceRecord race)
    {
        if (race.Failure is not { } failure)
            return $"{race.Name}: nothing went wrong in this schedule";
        string where = Thread >= 0 ? $"in thread {race.Trace.Threads[Thread]}" + (Operation.Length > 0 ? $", at '{Operation}'" : string.Empty)
            : failure.Kind == ScheduleFailureKind.Deadlock ? "nobody can go on"
            : failure.Kind == ScheduleFailureKind.Livelock ? "threads go on and on and get nowhere"
            : "seen when all threads had ended";
        return $"{race.Name}: {RaceWords.Of(failure.Kind).ToLowerInvariant()}, {where}";
    }

    /// <summary>What a thread said last.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="thread">The thread.</param>
    /// <returns>Its words; empty for none.</returns>
    private static string LastNote(IReadOnlyList<ScheduleStep> steps, int thread)
    {
        for (int i = steps.Count - 1; i >= 0; i--)
        {
            if (steps[i].Thread == thread && steps[i].Act == ScheduleAct.Note)
                return steps[i].Subject;
        }

        return string.Empty;
    }
}
