// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// The round trip of a CPU fault on a page that is on the device: an array is prefetched there, then one byte of each chunk is touched and the touch
/// timed.
/// The floor is a C program that does nothing but wait for the fault and copy as many bytes in. Pinned as the user says (both on one CPU unless said
/// otherwise) and unpinned, because on a virtual machine waking another CPU costs twenty times the fault itself.
/// </summary>
internal sealed class CpuFaultBenchmark : IBenchmark
{
    /// <summary>The highest ratios to the floor that still count, by chunk size.</summary>
    private static readonly Dictionary<int, double> Goals = new() { [4 << 10] = 1.3, [64 << 10] = 1.2 };

    /// <summary>What is measured: chunk size, chunks in the array, rounds over it.</summary>
    private static readonly (int ChunkBytes, int Chunks, int Rounds)[] Cases = [(4 << 10, 1024, 8), (64 << 10, 256, 8), (2 << 20, 16, 16)];

    /// <summary>How long the chunks rest on the device before they are touched: longer than the 50 ms within which a chunk that comes home again and again counts
    /// as fought over, and comes page by page.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(60);

    /// <inheritdoc/>
    public string Title => "CPU fault round trip";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        using var floor = new FloorProgram();
        foreach (var pinned in (bool[])[true, false])
        {
            var where = pinned ? CpuPlacement.PinText(settings) : "unpinned";
            progress.Stage($"CPU faults, {where}: the bare loop in C");
            var floors = floor.Measure(pinned ? settings.FaulterCpu : null, settings.HandlerCpu, settings.Quick ? 200 : 1000);
            foreach (var (chunkBytes, chunks, rounds) in Cases)
            {
                progress.Stage($"CPU faults, {where}: {ByteSize.Format(chunkBytes)}");
                var seen = new SortedSet<int>();
                var note = floor.Problem;
                (double, double)? ours = null;
                if (settings.Memory != MemoryKind.Real)
                {
                    note = "not measured: needs real memory";
                }
                else
                {
                    var (samples, service, problem) = CpuPlacement.OnOwnThread(
                        () => Touch(settings, pinned, chunkBytes, chunks, settings.Quick ? Math.Max(2, rounds / 4) : rounds, seen));
                    if (problem.Length > 0)
                        note = problem;
                    else if (chunkBytes > 4096 && note.Length == 0)
                        note = "the floor copies from one buffer that stays in the cache; ours copies from all over device memory";
                    if (problem.Length == 0)
                        ours = samples.Summary(1e-3);
                    var line = $"CPU faults, {where}: faulting thread on CPU {string.Join(" and ", seen)}; library: {service}";
                    if (!placement.Contains(line))
                        placement.Add(line);
                }

                (double Median, double P99)? bare = floors.TryGetValue(chunkBytes, out var found) ? (found.Median * 1e-3, found.P99 * 1e-3) : null;
                yield return BenchRow.Latency(
                    Title, $"{ByteSize.Format(chunkBytes)}, {where}", "us", ours, bare, "bare userfaultfd loop in C",
                    Goals.TryGetValue(chunkBytes, out var goal) ? goal : null, note);
            }
        }
    }

    /// <summary>Times the touches of one case on the calling thread, which it pins if asked to.</summary>
    /// <returns>Nanoseconds of each touch, where the library's threads ran, and what spoils the figure or an empty text.</returns>
    private static (Samples Samples, string Service, string Problem) Touch(
        BenchSettings settings, bool pinned, int chunkBytes, int chunks, int rounds, SortedSet<int> seen)
    {
        // The library's threads inherit the mask of the thread that opens the memory; afterwards this thread moves to its own place.
        if (pinned)
            CpuPlacement.Pin(settings.HandlerCpu);
        var before = CpuPlacement.Threads();
        using var memory = SharedMemory.Create(new SharedMemoryOptions
        {
            Memory = MemoryKind.Real,
            DeviceMemoryBytes = Math.Max(8L << 20, 2L * chunkBytes * chunks),
            LargestChunkBytes = chunkBytes,
            ComputeUnits = 1,
        });
        if (pinned)
            CpuPlacement.Pin(settings.FaulterCpu);
        var array = memory.Allocate<byte>((nint)chunkBytes * chunks);
        array.Span.Fill(7);
        var samples = new Samples();
        long faults = 0;
        long bytesHome = 0;
        var touched = 0;
        for (var round = 0; round <= rounds; round++)
        {
            memory.Prefetch(array, MemoryLocation.Device);
            Thread.Sleep(Rest);
            var statisticsBefore = memory.Statistics;
            for (nint chunk = 0; chunk < chunks; chunk++)
            {
                var start = Stopwatch.GetTimestamp();
                touched += Volatile.Read(ref array[chunk * chunkBytes]);
                var elapsed = Stopwatch.GetElapsedTime(start);

                // The first round warms everything up.
                if (round > 0)
                    samples.Add(elapsed.TotalNanoseconds);
            }

            var statistics = memory.Statistics;
            if (round > 0)
            {
                faults += statistics.CpuFaultsMigrated - statisticsBefore.CpuFaultsMigrated;
                bytesHome += statistics.BytesToRam - statisticsBefore.BytesToRam;
            }

            seen.Add(CpuPlacement.Current());
        }

        var service = CpuPlacement.Describe(before);
        var expected = (long)chunks * rounds;
        if (touched != 7 * chunks * (rounds + 1))
            return (samples, service, "WRONG DATA: a touched byte did not hold what was written");
        if (bytesHome < expected * chunkBytes * 9 / 10)
            return (samples, service, $"only {bytesHome:N0} of {expected * chunkBytes:N0} bytes came home: chunks came page by page");
        return (samples, service, faults < expected * 9 / 10 ? $"only {faults} of {expected} touches were faults" : "");
    }
}
