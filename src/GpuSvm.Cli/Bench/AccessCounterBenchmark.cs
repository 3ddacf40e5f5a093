// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What access counters are worth, and what they cost. Worth: a CPU thread and a kernel fight over pages until those stay in RAM, and then the kernel works on them alone. Cost: kernels on their own memory, which is
/// not counted; on memory in RAM, which is counted and does not come; and sides that go on fighting. The floor is the same without counters.
/// </summary>
internal sealed class AccessCounterBenchmark : IBenchmark
{
    /// <summary>Blocks of 2 MiB that the kernel goes through.</summary>
    private const int Blocks = 4;

    /// <inheritdoc/>
    public string Title => "Access counters";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        placement.Add("access counters: simulated memory, one unit, one service thread, not pinned");
        var time = TimeSpan.FromMilliseconds(settings.Quick ? 200 : 1_000);
        progress.Stage("access counters");
        var (withCounters, moves) = Alone(new ThresholdAccessCounters(), time, isContested: true);
        var (without, _) = Alone(null, time, isContested: true);
        yield return Row("pages left in RAM, then the kernel alone", withCounters, without, $"an access, in half of the rounds; {moves} blocks came");
        yield return Row("own memory, warm", Alone(new ThresholdAccessCounters(), time, isContested: false).Nanoseconds, Alone(null, time, isContested: false).Nanoseconds, "an access; it is not counted");
        yield return Row("memory in RAM that stays there", Alone(new Never(), time, isContested: true).Nanoseconds, without, "an access; it is counted");
        var fighting = InTurns(new ThresholdAccessCounters(), time);
        var left = InTurns(null, time);
        yield return BenchRow.Latency(
            Title, "both sides in turns", "ms", (fighting.Milliseconds, fighting.Milliseconds), (left.Milliseconds, left.Milliseconds), "no counters", null,
            $"a turn of each side; {fighting.Moves:0.000} blocks move in it, without counters {left.Moves:0.000}");
    }

    /// <summary>A row of nanoseconds.</summary>
    private BenchRow Row(string name, double ours, double floor, string note) => BenchRow.Latency(Title, name, "ns", (ours, ours), (floor, floor), "no counters", null, note);

    /// <summary>The kernel's time for an access, alone on its memory, and blocks that came meanwhile.</summary>
    private static (double Nanoseconds, long Moves) Alone(IAccessCounterPolicy? counters, TimeSpan time, bool isContested)
    {
        using var machine = new ThrashMachine(new BackOffThrash(), PageOrder.Huge, Blocks, counters);
        if (isContested)
            machine.InTurns(TimeSpan.FromMilliseconds(20));
        return machine.Alone(time);
    }

    /// <summary>A round of both sides.</summary>
    private static (double Milliseconds, double Moves) InTurns(IAccessCounterPolicy? counters, TimeSpan time)
    {
        using var machine = new ThrashMachine(new BackOffThrash(), PageOrder.Huge, Blocks, counters);
        return machine.InTurns(time);
    }

    /// <summary>Is asked as often as the default, and lets nothing come.</summary>
    private sealed class Never : IAccessCounterPolicy
    {
        /// <inheritdoc/>
        public int Threshold => 256;

        /// <inheritdoc/>
        public PageOrder Granularity => PageOrder.Huge;

        /// <inheritdoc/>
        public int Batch => 256;

        /// <inheritdoc/>
        public AccessCounterAction Answer(in AccessCounterFacts facts) => AccessCounterAction.Leave;
    }
}
