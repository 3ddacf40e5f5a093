// SPDX-License-Identifier: MIT
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Interop;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// What memory costs that nobody has touched: every page of fresh blocks of 2 MiB is written once by a CPU thread. The floor is the kernel's own: private anonymous memory with huge pages
/// allowed, in turn with ours.
/// </summary>
internal sealed class FirstTouchBenchmark : IBenchmark
{
    /// <summary>As many times the kernel's time as is allowed.</summary>
    private const double Goal = 1.5;

    /// <summary>Bytes of a block.</summary>
    private const int BlockBytes = 2 << 20;

    /// <summary>Bytes of a page.</summary>
    private const int PageBytes = 4096;

    /// <inheritdoc/>
    public string Title => "First touch of fresh memory";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        const string name = "2 MiB, each page written";
        const string floorName = "the kernel's own pages";
        progress.Stage("first touch of fresh memory");
        if (settings.Memory != MemoryKind.Real)
            return [BenchRow.Latency(Title, name, "us", null, null, floorName, Goal, "not measured: needs real memory")];
        var blocks = settings.Quick ? 16 : 64;
        var (ours, floor) = (new Samples(), new Samples());
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real });
        for (var round = 0; round <= (settings.Quick ? 2 : 5); round++)
        {
            using (var array = memory.Allocate<byte>((nint)blocks * BlockBytes))
            {
                for (nint block = 0; block < blocks; block++)
                    Note(ours, round, Touch(array.Address + (block * BlockBytes)));
            }

            TouchPrivate(blocks, elapsed => Note(floor, round, elapsed));
        }

        placement.Add("first touch: one thread, not pinned");
        return [BenchRow.Latency(Title, name, "us", ours.Summary(1), floor.Summary(1), floorName, Goal, "")];
    }

    /// <summary>Takes a time down, unless the round is the one that warms up.</summary>
    private static void Note(Samples samples, int round, TimeSpan elapsed)
    {
        if (round > 0)
            samples.Add(elapsed.TotalMicroseconds);
    }

    /// <summary>Writes one byte of each page of a block.</summary>
    /// <param name="block">Its address.</param>
    private static unsafe TimeSpan Touch(nint block)
    {
        var start = Stopwatch.GetTimestamp();
        for (var offset = 0; offset < BlockBytes; offset += PageBytes)
            Volatile.Write(ref *(byte*)(block + offset), 1); // SAFETY: the block is the caller's, as long as this takes.
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Touches fresh private memory.</summary>
    /// <param name="blocks">How many blocks.</param>
    /// <param name="note">Told the time of each.</param>
    private static void TouchPrivate(int blocks, Action<TimeSpan> note)
    {
        var bytes = (nuint)(blocks + 1) * BlockBytes;
        var mapping = Libc.mmap(0, bytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        if (mapping == -1)
            throw new InputException($"{bytes >> 20} MiB of private memory cannot be mapped: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        var first = (mapping + BlockBytes - 1) & ~(nint)(BlockBytes - 1);
        _ = Libc.madvise(first, (nuint)blocks * BlockBytes, Libc.MADV_HUGEPAGE); // Where there are none the floor is small pages, as ours is.
        for (var block = 0; block < blocks; block++)
            note(Touch(first + ((nint)block * BlockBytes)));
        _ = Libc.munmap(mapping, bytes);
    }
}
