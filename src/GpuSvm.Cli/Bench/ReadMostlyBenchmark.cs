// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What copies of memory that is mostly read are worth: a CPU thread and a kernel read the same array in turns, and of so many turns one begins with a write. The floor is the same program
/// without the advice; both with the default policies.
/// </summary>
internal sealed class ReadMostlyBenchmark : IBenchmark
{
    /// <summary>The array's size.</summary>
    private const int Bytes = 16 << 20;

    /// <summary>What both sides read of it: a number each 4 KiB.</summary>
    private const int Step = 4096 / sizeof(long);

    /// <inheritdoc/>
    public string Title => "Mostly read";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        foreach (var turns in (int[])[1, 4, 16, 0])
        {
            var name = turns == 0 ? "read alone" : turns == 1 ? "a write in each turn" : $"a write in one of {turns} turns";
            progress.Stage($"mostly read, {name}");
            var (ours, none, note) = Times(turns, settings.Quick ? 32 : 160);
            yield return BenchRow.Latency(Title, $"16 MiB by CPU and kernel, {name}", "us", ours, none, "no advice", null, note);
        }
    }

    /// <summary>Microseconds of an average turn of both sides with and without the advice, in alternation, or null with the reason.</summary>
    /// <param name="turns">One turn of so many begins with a write; 0 for none.</param>
    /// <param name="rounds">How many turns.</param>
    private static ((double, double)? Ours, (double, double)? None, string Note) Times(int turns, int rounds)
    {
        try
        {
            using var advised = new Reader(true);
            using var plain = new Reader(false);
            var (ours, none) = (new Samples(), new Samples());
            var cycle = Math.Max(1, turns);
            for (var round = -1; round < rounds / cycle; round++)
            {
                var (a, b) = (0.0, 0.0);
                for (var turn = 0; turn < cycle; turn++)
                {
                    var writes = turn == 0 && (turns != 0 || round < 0);
                    a += advised.Turn(writes);
                    b += plain.Turn(writes);
                }

                if (round < 0)
                    continue; // The device's first touches.
                ours.Add(a / cycle);
                none.Add(b / cycle);
            }

            var bad = advised.Wrong + plain.Wrong;
            return bad != 0
                ? (null, null, $"WRONG DATA: {bad} numbers were not what was written")
                : (ours.Summary(1), none.Summary(1), $"a turn of each; {advised.FaultsOfATurn:0.0} faults in it, without advice {plain.FaultsOfATurn:0.0}");
        }
        catch (SharedMemoryException e)
        {
            return (null, null, "not measured: " + e.Message);
        }
    }

    /// <summary>A memory with an array that a CPU thread and a kernel read.</summary>
    private sealed class Reader : IDisposable
    {
        /// <summary>The memory.</summary>
        private readonly SharedMemory _memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = 64 << 20, ComputeUnits = 1 });

        /// <summary>The array.</summary>
        private readonly SharedArray<long> _array;

        /// <summary>The kernel.</summary>
        private readonly KernelBody _body;

        /// <summary>How many turns there were.</summary>
        private int _turns;

        /// <summary>What is written at the moment.</summary>
        private long _value;

        /// <summary>Builds it.</summary>
        /// <param name="isAdvised">Whether the array is advised to be mostly read.</param>
        public Reader(bool isAdvised)
        {
            _array = _memory.Allocate<long>(Bytes / sizeof(long));
            if (isAdvised)
                _memory.Advise(_array, new MemoryAdvice { IsReadMostly = true });
            _body = context =>
            {
                for (nint i = 0; i < _array.Length; i += Step)
                    Wrong += context.Load(_array, i) == _value ? 0 : 1;
            };
        }

        /// <summary>Numbers that were not what was written.</summary>
        public long Wrong { get; private set; }

        /// <summary>Lets both sides read all of it.</summary>
        /// <param name="writes">Whether the CPU writes all of it first; not measured as reading, but what it takes away is.</param>
        /// <returns>Microseconds.</returns>
        public double Turn(bool writes)
        {
            _turns++;
            var start = Stopwatch.GetTimestamp();
            if (writes)
            {
                _value++;
                for (nint i = 0; i < _array.Length; i += Step)
                    _array[i] = _value;
            }

            using (var launch = _memory.Launch(_body, 1))
                launch.Wait();
            for (nint i = 0; i < _array.Length; i += Step)
                Wrong += _array[i] == _value ? 0 : 1;
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        /// <summary>Faults of both sides in a turn.</summary>
        public double FaultsOfATurn => (_memory.Statistics.GpuFaults + _memory.Statistics.CpuFaults) / (double)_turns;

        /// <inheritdoc/>
        public void Dispose()
        {
            _array.Dispose();
            _memory.Dispose();
        }
    }
}
