// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Lab.Races;
using GpuSvm.Simulation;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Lab.Tests;

/// <summary>Races to draw.</summary>
internal static class RaceExamples
{
    /// <summary>Takes what tests that ran before have left noted: the table of the lab's model of a device allocates under its lock, and none of them asks. A schedule would answer for it.</summary>
    static RaceExamples()
    {
        using IExploredMachine machine = KnownScenarios.Find("R-01")!.Build();
        machine.Check();
    }

    /// <summary>A known scenario in a schedule of one's choice.</summary>
    public static RaceRecord Replay(string name, string decisions)
    {
        using var explorer = new ScheduleExplorer(KnownScenarios.Find(name)!);
        ScheduleResult result = explorer.Replay(DecisionString.Parse(decisions), 20_000, records: true);
        Assert.Null(result.Failure);
        return new RaceRecord(name, "a title", KnownScenarios.TextOf(name)!, null, decisions, $"gpusvm explore {name} --replay {decisions}", result.Trace!);
    }

    /// <summary>A program of one's own, in the ordinary schedule.</summary>
    public static RaceRecord Run(params ExploredThread[] threads)
    {
        using var explorer = new ScheduleExplorer(new TinyProgram(threads));
        ScheduleResult result = explorer.Replay(DecisionString.Parse("-"), 1000, records: true);
        return new RaceRecord("tiny", string.Empty, "no text", result.Failure, "-", "gpusvm explore tiny --replay -", result.Trace!);
    }

    /// <summary>A race made by hand: pages are published although an event has come between, and then used.</summary>
    public static RaceRecord Broken(string message)
    {
        ScheduleStep[] steps =
        [
            Act(0, ScheduleAct.Begin) with { Watched = [("A0", "RAM"), ("seq", "2"), ("window 0", "1")] },
            Act(0, ScheduleAct.Note, "gpu.write A0"),
            Point(0, SchedulePointKind.SequenceRead, "MmuIntervalNotifier"),
            Act(1, ScheduleAct.Begin) with { IsPreemption = true },
            Act(1, ScheduleAct.Note, "unmap A0"),
            Point(1, SchedulePointKind.LockTake, "PageStates"),
            Point(1, SchedulePointKind.HostOperation, nameof(SimulatedOperation.UnmapApplied)),
            Point(1, SchedulePointKind.LockReleased, "PageStates") with { Watched = [("A0", "RAM"), ("seq", "3"), ("window 0", "3")] },
            Act(1, ScheduleAct.Wait, "unit 0 of GPU 0"),
            Point(0, SchedulePointKind.LockTake, "SvmNotifier"),
            Point(0, SchedulePointKind.PagesPublishing, "SvmNotifier"),
            Act(0, ScheduleAct.End, ScheduleStep.Broke),
            Act(1, ScheduleAct.End, ScheduleStep.Stopped),
        ];
        var trace = new ScheduleTrace(["gpu", "program"], steps);
        return new RaceRecord("race", "a title", "scenario race", new ScheduleFailure(ScheduleFailureKind.LostByte, message), "3:1", "gpusvm explore race --replay 3:1", trace);
    }

    /// <summary>Two threads that take a lock from each other without end.</summary>
    public static RaceRecord Long(int steps)
    {
        IEnumerable<ScheduleStep> taken = Enumerable.Range(0, steps).Select(i =>
            Point(i / 4 % 2, (i % 2) == 0 ? SchedulePointKind.LockTake : SchedulePointKind.LockReleased, (i & 2) == 0 ? "PageStates" : "SvmNotifier") with { IsPreemption = i > 0 && i % 4 == 0 });
        ScheduleStep[] all = [.. taken, Act(0, ScheduleAct.End, ScheduleStep.Stopped), Act(1, ScheduleAct.End, ScheduleStep.Stopped)];
        var failure = new ScheduleFailure(ScheduleFailureKind.Livelock, $"no end after {steps} steps");
        return new RaceRecord("long", string.Empty, "scenario long", failure, "-", "gpusvm explore long --replay -", new ScheduleTrace(["one", "two"], all));
    }

    /// <summary>A step that is none at a point.</summary>
    private static ScheduleStep Act(int thread, ScheduleAct act, string subject = "") => new(thread, act, default, subject, -1, false, null);

    /// <summary>A step at a point.</summary>
    private static ScheduleStep Point(int thread, SchedulePointKind kind, string subject) => new(thread, ScheduleAct.Point, kind, subject, -1, false, null);
}
