// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Tests;

/// <summary>The explorer on programs so small that one knows what it must find.</summary>
[Collection("explorer")]
public sealed class ExplorerTests
{
    private static readonly ExplorationLimits _limits = new() { MaxSteps = 500, MaxSchedules = 20_000 };

    /// <summary>What toys share.</summary>
    private sealed class Shared
    {
        public RankedLock Outer { get; } = new(LockRank.Vm, "outer");

        public RankedLock Inner { get; } = new(LockRank.Leaf, "inner");

        public RankedReaderWriterLock ReadWrite { get; } = new(LockRank.Host, "read-write");

        public int Count { get; set; }

        public bool Flag { get; set; }

        public List<int> Order { get; } = [];
    }

    [Fact]
    public void AnUpdateThatIsReadUnderOneHoldAndWrittenUnderAnotherIsLostWithOnePreemption()
    {
        using var explorer = new ScheduleExplorer(Losing());
        ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(2), _limits);
        Assert.Equal(ScheduleFailureKind.LostByte, result.Failed?.Failure?.Kind);
        Assert.Equal(1, result.Failed!.Preemptions);
        Assert.Equal(0, result.Exhausted); // None without a preemption, and that was searched.
        Assert.Equal(ScheduleFailureKind.LostByte, explorer.Replay(result.Failed.Decisions, 500, records: false).Failure?.Kind);
        Assert.Null(explorer.Replay(DecisionString.Parse("-"), 500, records: false).Failure);
    }

    [Theory]
    [InlineData("pct")]
    [InlineData("random")]
    public void RandomStrategiesFindItTooAndItShrinksToOnePreemption(string strategy)
    {
        using var explorer = new ScheduleExplorer(Losing());
        ExplorationResult result = explorer.Explore(strategy == "pct" ? new PctStrategy(2, 7) : new RandomStrategy(7), _limits);
        Assert.NotNull(result.Failed);
        ScheduleResult small = explorer.Shrink(result.Failed, _limits);
        Assert.Equal(ScheduleFailureKind.LostByte, small.Failure?.Kind);
        Assert.True(small.Preemptions <= 1, small.Decisions.ToString());
    }

    [Fact]
    public void AnUpdateUnderOneHoldIsNeverLost()
    {
        var program = new ToyProgram<Shared>(
            () => new Shared(),
            shared => [.. Enumerable.Range(0, 3).Select(i => new ExploredThread($"t{i}", () =>
            {
                using (shared.Inner.Enter())
                    shared.Count++;
            }))],
            shared => shared.Count == 3 ? null : new ScheduleFailure(ScheduleFailureKind.LostByte, "lost"));
        using var explorer = new ScheduleExplorer(program);
        ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(3), _limits);
        Assert.Null(result.Failed);
        Assert.Equal(3, result.Exhausted);
    }

    [Fact]
    public void ThreadsThatWaitForEachOtherAreADeadlock()
    {
        var program = new ToyProgram<Shared>(
            () => new Shared(),
            shared =>
            [
                new ExploredThread("waits", () =>
                {
                    using (shared.Inner.Enter())
                    {
                        while (!shared.Flag)
                            Assert.True(SchedulePoint.TryWait(shared));
                    }
                }),
                new ExploredThread("wakes", () =>
                {
                    using (shared.Inner.Enter())
                        shared.Flag = true;
                    SchedulePoint.Signal(shared);
                }),
            ]);
        using var explorer = new ScheduleExplorer(program);
        ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(1), _limits);
        Assert.Equal(ScheduleFailureKind.Deadlock, result.Failed?.Failure?.Kind);
        Assert.Contains("wakes wants the lock 'inner', which waits has", result.Failed!.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AWaitThatIsSignalledIsNone()
    {
        var program = new ToyProgram<Shared>(
            () => new Shared(),
            shared =>
            [
                new ExploredThread("waits", () =>
                {
                    while (!shared.Flag)
                        Assert.True(SchedulePoint.TryWait(shared));
                }),
                new ExploredThread("wakes", () =>
                {
                    using (shared.Inner.Enter())
                        shared.Flag = true;
                    SchedulePoint.Signal(shared);
                }),
            ]);
        using var explorer = new ScheduleExplorer(program);
        Assert.Null(explorer.Explore(new ExhaustiveStrategy(3), _limits).Failed);
    }

    [Fact]
    public void ATryThatNeverSucceedsIsALivelock()
    {
        var program = new ToyProgram<Shared>(
            () => new Shared(),
            shared => [.. Enumerable.Range(0, 2).Select(i => new ExploredThread($"t{i}", () =>
            {
                while (!shared.Flag)
                {
                    using (shared.Inner.Enter())
                        shared.Count++;
                    SchedulePoint.TryYield();
                }
            }))]);
        using var explorer = new ScheduleExplorer(program);
        Assert.Equal(ScheduleFailureKind.Livelock, explorer.Explore(new ExhaustiveStrategy(0), _limits).Failed?.Failure?.Kind);
    }

    [Fact]
    public void LocksOutOfOrderAndExceptionsAreFailures()
    {
        ScheduleFailure? Find(Action<Shared> body)
        {
            using var explorer = new ScheduleExplorer(new ToyProgram<Shared>(() => new Shared(), shared => [new ExploredThread("t", () => body(shared))]));
            return explorer.Explore(new ExhaustiveStrategy(0), _limits).Failed?.Failure;
        }

        Assert.Equal(ScheduleFailureKind.LockOrder, Find(shared =>
        {
            using (shared.Inner.Enter())
            using (shared.Outer.Enter())
                shared.Count++;
        })?.Kind);
        Assert.Equal(ScheduleFailureKind.Exception, Find(_ => throw new InvalidOperationException("gone wrong"))?.Kind);
    }

    [Fact]
    public void ReadersShareAndAWriterDoesNot()
    {
        var program = new ToyProgram<Shared>(
            () => new Shared(),
            shared =>
            [
                .. Enumerable.Range(0, 2).Select(i => new ExploredThread($"r{i}", () =>
                {
                    using (shared.ReadWrite.EnterRead())
                    {
                        int before = shared.Count;
                        SchedulePoint.Reach(SchedulePointKind.Atomic, shared);
                        if (shared.Count != before)
                            throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, "written under a reader"));
                    }
                })),
                new ExploredThread("w", () =>
                {
                    using (shared.ReadWrite.EnterWrite())
                        shared.Count++;
                }),
            ]);
        using var explorer = new ScheduleExplorer(program);
        ExplorationResult result = explorer.Explore(new ExhaustiveStrategy(2), _limits);
        Assert.Null(result.Failed);
        Assert.Equal(2, result.Exhausted);
    }

    /// <summary>What the reduction leaves out must have been the same: with it and without it the same outcomes are seen.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void TheReductionLosesNoOutcome(int bound)
    {
        HashSet<string> Outcomes(bool reduces, out long schedules)
        {
            var seen = new HashSet<string>();
            var program = new ToyProgram<Shared>(
                () => new Shared(),
                shared => [.. Enumerable.Range(0, 3).Select(i => new ExploredThread($"t{i}", () =>
                {
                    for (int turn = 0; turn < 2; turn++)
                    {
                        using (shared.Outer.Enter())
                            shared.Count++; // Its order is nobody's business.
                        using (shared.Inner.Enter())
                            shared.Order.Add(i);
                    }
                }))],
                shared =>
                {
                    seen.Add(string.Join(' ', shared.Order));
                    return null;
                });
            using var explorer = new ScheduleExplorer(program);
            schedules = explorer.Explore(new ExhaustiveStrategy(bound, reduces), _limits).Progress.Schedules;
            return seen;
        }

        HashSet<string> all = Outcomes(reduces: false, out long without);
        HashSet<string> reduced = Outcomes(reduces: true, out long with);
        Assert.Equal(all.Order(), reduced.Order());
        Assert.True(with <= without);
        Assert.True(all.Count >= (bound == 0 ? 6 : 20));
    }

    [Theory]
    [InlineData("17:1,45:0")]
    [InlineData("m3:2")]
    [InlineData("-")]
    public void DecisionsSurviveTheirText(string text) => Assert.Equal(text, DecisionString.Parse(text).ToString());

    [Theory]
    [InlineData("17")]
    [InlineData("1:2,1:0")]
    [InlineData("a:b")]
    public void DecisionsThatAreNoneAreRefused(string text) => Assert.Throws<FormatException>(() => DecisionString.Parse(text));

    /// <summary>A counter that is read under one hold of its lock and written under the next.</summary>
    private static ToyProgram<Shared> Losing() => new(
        () => new Shared(),
        shared => [.. Enumerable.Range(0, 2).Select(i => new ExploredThread($"t{i}", () =>
        {
            int seen;
            using (shared.Inner.Enter())
                seen = shared.Count;
            using (shared.Inner.Enter())
                shared.Count = seen + 1;
        }))],
        shared => shared.Count == 2 ? null : new ScheduleFailure(ScheduleFailureKind.LostByte, $"{2 - shared.Count} updates are lost"));
}
