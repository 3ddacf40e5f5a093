// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;

namespace GpuSvm.Cli.Bench;

/// <summary>Equal faults of many units at once, from the first one fetched to the last one acknowledged. The floor is one fault of the same kind.</summary>
internal sealed class FaultStormBenchmark : IBenchmark
{
    /// <summary>Faults of a storm.</summary>
    private const int Storm = 1_000;

    /// <summary>As many times the time of one fault as a storm may take.</summary>
    private const double Goal = 2;

    /// <inheritdoc/>
    public string Title => "Storm of equal faults";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        var rounds = settings.Quick ? 500 : 5_000;
        placement.Add("storm of equal faults: one service thread, not pinned");
        foreach (var pages in (int[])[16, PageSize.PagesPerHuge])
        {
            var size = ByteSize.Format(pages * PageSize.Bytes);
            progress.Stage($"a storm of equal faults on {size}");
            var one = Times(1, rounds, pages);
            var storm = Times(Storm, rounds, pages);
            yield return BenchRow.Latency(Title, $"{Storm} write faults, {size} in RAM", "us", storm, one, "one write fault", Goal, "pages scattered, not moved");
        }
    }

    /// <summary>Microseconds from the first fetch to the last acknowledge.</summary>
    private static (double Median, double P99) Times(int faults, int rounds, int pages)
    {
        using var machine = new SimulatedMachine(4 * PageSize.PagesPerHuge, pages, pages == PageSize.PagesPerHuge ? PageOrder.Huge : PageOrder.Medium);
        machine.Populate(SimulatedMachine.Shuffled(pages, pages).Select(page => (long)page));
        var storms = new StormBuffer(machine, faults, rounds);
        new FaultService(storms, machine.Vm, threads: 1).Dispose();
        return storms.Times.Summary(1e-3);
    }

    /// <summary>A fault buffer that gives one storm after another; before each an event takes the pages away.</summary>
    /// <param name="machine">Whose faults.</param>
    /// <param name="faults">Faults of a storm.</param>
    /// <param name="rounds">How many storms.</param>
    private sealed class StormBuffer(SimulatedMachine machine, int faults, int rounds) : IFaultBuffer
    {
        /// <summary>Storms that are not counted.</summary>
        private const int Warm = 100;

        /// <summary>The faults, as a ring has them.</summary>
        private readonly GpuFault[] _ring = [.. Enumerable.Repeat(new GpuFault(machine.At(0), MemoryAccess.Write, machine.Vm.AddressSpaceId, 0, Stopwatch.GetTimestamp()), faults)];

        /// <summary>Storms begun.</summary>
        private int _storms;

        /// <summary>Faults of this storm that were not fetched.</summary>
        private int _waiting;

        /// <summary>Faults of this storm that were not acknowledged.</summary>
        private int _open;

        /// <summary>When this storm was first fetched.</summary>
        private long _start;

        /// <summary>Nanoseconds of each storm.</summary>
        public Samples Times { get; } = new();

        /// <inheritdoc/>
        public int Fetch(Span<GpuFault> room)
        {
            if (_open == 0)
            {
                if (_storms++ == rounds + Warm)
                    return 0;
                machine.Invalidate(machine.Mapped);
                (_waiting, _open, _start) = (faults, faults, Stopwatch.GetTimestamp());
            }

            var count = Math.Min(_waiting, room.Length);
            _ring.AsSpan(0, count).CopyTo(room);
            _waiting -= count;
            return count;
        }

        /// <inheritdoc/>
        public void Acknowledge(in GpuFault fault, SvmStatus status) => Acknowledge(new ReadOnlySpan<GpuFault>(in fault), status);

        /// <inheritdoc/>
        public void Acknowledge(ReadOnlySpan<GpuFault> acknowledged, SvmStatus status)
        {
            SimulatedMachine.Expect(status);
            _open -= acknowledged.Length;
            if (_open == 0 && _storms > Warm)
                Times.Add(Stopwatch.GetElapsedTime(_start).TotalNanoseconds);
        }

        /// <inheritdoc/>
        public void Requeue(in GpuFault fault) => throw new InvalidOperationException("A fault was overtaken although nothing else runs.");

        /// <inheritdoc/>
        public void Close()
        {
        }
    }
}
