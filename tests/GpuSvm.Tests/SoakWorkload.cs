// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using System.Diagnostics;

namespace GpuSvm.Tests;

/// <summary>
/// CPU threads and kernels fight over the same pages while two threads collect garbage without pause. Every byte is accounted for: each page holds counters
/// that many increment and that must add up, and rows of one owner each, whose contents the owner remembers in private memory.
/// </summary>
internal sealed unsafe class SoakWorkload : IDisposable
{
    private const int Pages = 8192; // 32 MiB, four times the device memory.
    private const int Longs = 512; // In a page.
    private const int Slots = 64; // Counters, the first of a page's longs.
    private const int RowBytes = 512; // The rows follow the counters, seven of them.
    private const int CountThreads = 2;
    private const int RowThreads = 2;
    private const int Groups = 16;
    private const int KernelRow = 6;

    private readonly SharedMemory _memory;
    private readonly SharedArray<long> _array;
    private readonly SoakMappings _mappings = new();
    private readonly ConcurrentDictionary<string, StrongBox> _progress;
    private readonly long[][] _expected = [.. Enumerable.Range(0, CountThreads + 1).Select(_ => new long[Pages * Slots])];
    private readonly byte[][] _rows = [.. Enumerable.Range(0, RowThreads + 1).Select(_ => new byte[Pages])];
    private readonly int _seed;
    private readonly int _chunkBytes;
    private volatile bool _stop;
    private Exception? _failure;

    private SoakWorkload(int chunkBytes, int seed, ConcurrentDictionary<string, StrongBox> progress)
    {
        _seed = seed;
        _chunkBytes = chunkBytes;
        _progress = progress;
        _memory = Memories.Open(MemoryKind.Real, Pages * 4096L / 4, chunkBytes: chunkBytes);
        _array = _memory.Allocate<long>(Pages * Longs);
    }

    /// <summary>Runs the workload for a third of the time with each chunk size, or with the one that GPUSVM_SOAK_CHUNK names; throws if a byte is wrong.</summary>
    /// <param name="time">How long.</param>
    /// <param name="file">Where to write how far each thread has come, twice a second.</param>
    public static void Run(TimeSpan time, string file)
    {
        var progress = new ConcurrentDictionary<string, StrongBox>();
        using var timer = new Timer(_ => Report(file, progress), null, 0, 500);
        int seed = Environment.TickCount;
        int[] chunks = int.TryParse(Environment.GetEnvironmentVariable("GPUSVM_SOAK_CHUNK"), out int chosen) ? [chosen] : [2 << 20, 65536, 4096];
        foreach (int chunk in chunks)
        {
            using var workload = new SoakWorkload(chunk, seed++, progress);
            workload.Run(time / chunks.Length);
        }
        Report(file, progress);
    }

    public void Dispose()
    {
        _mappings.Dispose();
        _memory.Dispose();
    }

    /// <summary>Replaces the report as a whole, so that no reader sees half of it.</summary>
    private static void Report(string file, ConcurrentDictionary<string, StrongBox> progress)
    {
        lock (progress) // A slow tick of the timer may meet the next one.
        {
            File.WriteAllLines(file + ".new", progress.Select(one => $"{one.Key}={one.Value.Count}{(one.Value.Done ? " done" : "")}"));
            File.Move(file + ".new", file, overwrite: true);
        }
    }

    private void Run(TimeSpan time)
    {
        List<Thread> threads = [];
        for (int i = 0; i < CountThreads; i++)
        {
            int index = i;
            threads.Add(StartThread($"count{i}", random => Count(random, _expected[index])));
        }
        for (int i = 0; i < RowThreads; i++)
        {
            int row = i;
            threads.Add(StartThread($"row{i}", random => UseRow(random, row)));
        }
        int launches = 0;
        threads.Add(StartThread("kernels", _ => LaunchKernel(launches++)));
        threads.Add(StartThread("churn", Churn));
        threads.Add(StartThread("mappings", _mappings.Step));
        threads.Add(StartThread("collect0", random => Collect(random, 0)));
        threads.Add(StartThread("collect2", random => Collect(random, 2)));
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time && _failure == null)
            Thread.Sleep(20);
        _stop = true;
        threads.ForEach(thread => thread.Join());
        if (_failure != null)
            throw new InvalidOperationException($"seed {_seed}: {_failure.Message}", _failure);
        _memory.CheckInvariants();
        Verify();
        _mappings.Verify();
        SvmStatistics moved = _memory.Statistics;
        Total("gpu-faults", moved.GpuFaults);
        Total("cpu-faults", moved.CpuFaults);
        Total("mib-to-device", moved.BytesToDevice >> 20);
        Total("mib-to-ram", moved.BytesToRam >> 20);
        Total("evictions", moved.Evictions);
        Total("collections", GC.CollectionCount(0));
    }

    /// <summary>Adds a number to the report, where it stands as an end.</summary>
    private void Total(string name, long count)
    {
        StrongBox total = _progress.GetOrAdd(name, _ => new StrongBox { Done = true });
        total.Count = name == "collections" ? count : total.Count + count;
    }

    private Thread StartThread(string name, Action<Random> step)
    {
        StrongBox progress = _progress.GetOrAdd(name, _ => new StrongBox());
        progress.Done = false;
        var random = new Random(_seed + (name.Length * 31) + name[^1]);
        var thread = new Thread(() =>
        {
            try
            {
                while (!_stop)
                {
                    step(random);
                    progress.Count++;
                }
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref _failure, exception, null);
            }
            progress.Done = true;
        });
        thread.Start();
        return thread;
    }

    /// <summary>Increments counters by plain pointer, beside those that kernels increment at the same time.</summary>
    private void Count(Random random, long[] expected)
    {
        int page = random.Next(Pages);
        for (int i = 0; i < 16; i++)
        {
            int slot = random.Next(Slots / 2) * 2; // The even ones; kernels take the odd ones.
            Interlocked.Increment(ref _array.Pointer[(page * Longs) + slot]);
            expected[(page * Slots) + slot]++;
            page = (page + random.Next(3)) % Pages;
        }
    }

    /// <summary>Checks, fills, copies, clears and compares this thread's rows, as spans.</summary>
    private void UseRow(Random random, int row)
    {
        byte[] values = _rows[row];
        int page = random.Next(Pages);
        int other = random.Next(Pages);
        Check(Row(page, row), values[page], page, row);
        switch (random.Next(4))
        {
            case 0:
                Row(page, row).Fill(values[page] = (byte)random.Next(256));
                break;
            case 1:
                Row(other, row).CopyTo(Row(page, row));
                values[page] = values[other];
                break;
            case 2:
                Row(page, row).Clear();
                values[page] = 0;
                break;
            default:
                bool equal = Row(page, row).SequenceEqual(Row(other, row));
                if (equal != (values[page] == values[other]))
                    throw new InvalidOperationException($"rows {row} of pages {page} and {other} compare {equal}");
                break;
        }
    }

    private void LaunchKernel(int number)
    {
        using Launch launch = _memory.Launch(context => Kernel(context, number), Groups);
        launch.Wait();
    }

    /// <summary>One group: counts on any slot of its own pages, and keeps its row of them.</summary>
    private void Kernel(KernelContext context, int number)
    {
        int group = (int)context.GroupIndex;
        var random = new Random(HashCode.Combine(_seed, number, group));
        Span<byte> row = stackalloc byte[RowBytes];
        for (int i = 0; i < 64; i++)
        {
            int page = (random.Next(Pages / Groups) * Groups) + group;
            int slot = (random.Next(Slots / 2) * 2) + 1;
            context.AtomicAdd(_array, (page * Longs) + slot, 1);
            _expected[CountThreads][(page * Slots) + slot]++;
            nint address = _array.Address + RowOffset(page, KernelRow);
            context.Read(address, row);
            Check(row, _rows[RowThreads][page], page, KernelRow);
            row.Fill(_rows[RowThreads][page] = (byte)random.Next(256));
            context.Write<byte>(address, row);
        }
    }

    /// <summary>Allocates, uses on both sides, frees.</summary>
    private void Churn(Random random)
    {
        using SharedArray<byte> array = _memory.Allocate<byte>(1 + random.Next(300_000));
        byte value = (byte)random.Next(1, 256);
        array.Span.Fill(value);
        if (random.Next(4) == 0)
            _memory.Prefetch(array, MemoryLocation.Device);
        if (array.Span.IndexOfAnyExcept(value) >= 0)
            throw new InvalidOperationException("a fresh array does not hold what was filled in");
    }

    private static void Collect(Random random, int generation)
    {
        object[] garbage = new object[200];
        for (int i = 0; i < garbage.Length; i++)
            garbage[i] = new byte[random.Next(2_000)];
        GC.Collect(generation, GCCollectionMode.Forced, blocking: true);
        GC.KeepAlive(garbage);
    }

    /// <summary>Everything has stopped: every counter and every row must be what its owners remember.</summary>
    private void Verify()
    {
        List<string> wrong = [];
        for (int page = 0; page < Pages; page++)
        {
            for (int slot = 0; slot < Slots; slot++)
            {
                long expected = _expected.Sum(counts => counts[(page * Slots) + slot]);
                long found = _array[(page * Longs) + slot];
                if (found != expected)
                    wrong.Add($"counter {slot} of page {page} is {found}, not {expected}");
            }
            for (int row = 0; row <= KernelRow; row++)
            {
                byte value = row < RowThreads ? _rows[row][page] : row == KernelRow ? _rows[RowThreads][page] : (byte)0; // The rest are nobody's rows.
                if (Row(page, row).IndexOfAnyExcept(value) >= 0)
                    wrong.Add($"row {row} of page {page} is not all {value}");
            }
        }
        if (wrong.Count > 0)
            throw new InvalidOperationException($"seed {_seed}, chunks of {_chunkBytes}: {wrong.Count} errors: {string.Join("; ", wrong.Take(20))}");
    }

    private static void Check(ReadOnlySpan<byte> row, byte value, int page, int index)
    {
        int wrong = row.IndexOfAnyExcept(value);
        if (wrong >= 0)
            throw new InvalidOperationException($"byte {wrong} of row {index} of page {page} is {row[wrong]}, not {value}");
    }

    private static int RowOffset(int page, int row) => (page * 4096) + (Slots * 8) + (row * RowBytes);

    private Span<byte> Row(int page, int row) => new((byte*)_array.Pointer + RowOffset(page, row), RowBytes);

    /// <summary>How far a thread has come; written by it alone.</summary>
    internal sealed class StrongBox
    {
        /// <summary>Steps.</summary>
        public long Count;

        /// <summary>Whether it has ended.</summary>
        public volatile bool Done;
    }
}
