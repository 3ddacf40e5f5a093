// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What thrash control is worth: a CPU thread and a kernel add to counters on the same pages in turns, without a rest. The floor is no control, where every block moves in every turn.
/// (At once they need none: a migration that meets the other side's touch leaves the pages in RAM and maps them there.)
/// </summary>
internal sealed class ThrashBenchmark : IBenchmark
{
    /// <summary>Blocks that both sides go through in turns.</summary>
    private const int Blocks = 4;

    /// <inheritdoc/>
    public string Title => "Thrash control";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        placement.Add("thrash control: simulated memory, one unit, one service thread, not pinned");
        foreach (var order in (PageOrder[])[PageOrder.Medium, PageOrder.Huge])
        {
            var size = ByteSize.Format(order.Bytes);
            progress.Stage($"thrash control, {size}");
            var none = InTurns(settings, null, order);
            foreach (var (name, policy) in ((string, Func<IThrashPolicy>)[])[("back-off", () => new BackOffThrash()), ("window", () => new WindowThrash())])
            {
                var ours = InTurns(settings, policy, order);
                yield return BenchRow.Latency(
                    Title, $"ping-pong, {name}, {Blocks} blocks of {size}", "ms", (ours.Milliseconds, ours.Milliseconds), (none.Milliseconds, none.Milliseconds), "no control", null,
                    $"a turn of each side; {ours.Moves:0.00} blocks move in it, without control {none.Moves:0.00}");
            }
        }
    }

    /// <summary>One policy's time and moves of a round.</summary>
    private static (double Milliseconds, double Moves) InTurns(BenchSettings settings, Func<IThrashPolicy>? policy, PageOrder order)
    {
        using var machine = new ThrashMachine(policy?.Invoke(), order, Blocks);
        return machine.InTurns(TimeSpan.FromMilliseconds(settings.Quick ? 300 : 2_000));
    }
}
