// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// CPU threads and GPU kernels change the same counters in turn, so that every page travels to the device and back in every round. The two sides do
/// different things that do not commute: a page that came late, twice or from an earlier turn shows in the counters.
/// </summary>
internal sealed class PingPongWorkload : IWorkload
{
    /// <summary>Rounds: one turn of the GPU and one of the CPU each.</summary>
    private const int Rounds = 8;

    /// <summary>Counters in a tile: 16 KiB.</summary>
    private const int TileElements = 2048;

    /// <summary>The number of counters.</summary>
    private long _length;

    /// <summary>CPU threads for the CPU's turns.</summary>
    private int _threads;

    /// <summary>Seed of the first contents.</summary>
    private SplitMix _random;

    /// <summary>The counters, which both sides change.</summary>
    private SharedArray<long> _counters = null!;

    /// <summary>The round; set between turns.</summary>
    private int _round;

    /// <inheritdoc/>
    public string Input => $"{_length:N0} counters, {Rounds} rounds of GPU and CPU in turn";

    /// <inheritdoc/>
    public long DataBytes => _length * sizeof(long);

    /// <inheritdoc/>
    public long TrafficBytes => 4L * Rounds * DataBytes;

    /// <inheritdoc/>
    public string TrafficDefinition => "32 bytes per counter and round (read and written by GPU and CPU)";

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => settings.ArrayBytes("ping-pong", 16L << 20);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        _length = EstimateBytes(settings) / sizeof(long);
        _threads = settings.Threads;
        _random = new SplitMix(settings.Seed);
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        _counters = memory.Allocate<long>((nint)_length);
        CpuThreads.ForEachPiece(_length, _threads, (start, length) =>
        {
            var counters = _counters.Slice((nint)start, length);
            for (var index = 0; index < length; index++)
                counters[index] = (long)_random.At((ulong)(start + index));
        });
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        var groups = (nint)((_length + TileElements - 1) / TileElements);
        for (_round = 0; _round < Rounds; _round++)
        {
            progress.Step(_round + 1, Rounds, "round");
            using (var launch = memory.Launch(GpuTurn, groups, [_counters.Use()]))
                launch.Wait();
            CpuThreads.ForEachPiece(_length, _threads, (start, length) =>
            {
                var counters = _counters.Slice((nint)start, length);
                for (var index = 0; index < length; index++)
                    counters[index] = AfterCpu(counters[index], _round);
            });
        }
    }

    /// <summary>The GPU's turn: one tile.</summary>
    private void GpuTurn(KernelContext context)
    {
        var start = context.GroupIndex * TileElements;
        var counters = UnitBuffer<long>.Get(0, (int)Math.Min(TileElements, _length - start));
        context.Read(_counters, start, counters);
        for (var index = 0; index < counters.Length; index++)
            counters[index] = AfterGpu(counters[index], _round);
        context.Write<long>(_counters, start, counters);
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        for (long index = 0; index < _length; index++)
        {
            var expected = (long)_random.At((ulong)index);
            for (var round = 0; round < Rounds; round++)
                expected = AfterCpu(AfterGpu(expected, round), round);
            if (_counters[(nint)index] != expected)
                return new Verification(false, $"counter {index}: {_counters[(nint)index]}, a plain CPU run gives {expected}");
        }

        return new Verification(true, $"all {_length:N0} counters equal a plain CPU run after {2 * Rounds} turns");
    }

    /// <summary>What the GPU makes of a counter.</summary>
    private static long AfterGpu(long value, int round) => (value * 3) + round + 1;

    /// <summary>What the CPU makes of a counter.</summary>
    private static long AfterCpu(long value, int round) => value ^ (value >> 7) ^ ((round + 1L) << 32);
}
