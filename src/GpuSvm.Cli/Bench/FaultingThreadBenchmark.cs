// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Who faults: a page of 4 KiB that is on the device is touched by a .NET thread, and in the next round by a thread made in C, in the same memory and at the same place. And how many such faults
/// there are a second, beside those of stress-ng's userfaultfd stressor, which fills pages of zeroes.
/// </summary>
internal sealed class FaultingThreadBenchmark : IBenchmark
{
    /// <summary>How much slower a fault of a .NET thread may be.</summary>
    private const double Goal = 1.1;

    /// <summary>Pages touched in a round.</summary>
    private const int Pages = 1024;

    /// <summary>Bytes of a page.</summary>
    private const int PageBytes = 4096;

    /// <summary>How long pages rest on the device before they are touched, as in <see cref="CpuFaultBenchmark"/>.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(60);

    /// <inheritdoc/>
    public string Title => "Who faults";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        using var library = new AccessLibrary();
        var problem = settings.Memory != MemoryKind.Real ? "not measured: needs real memory" : library.Problem;
        var (managed, native) = (new Samples(), new Samples());
        foreach (var pinned in (bool[])[true, false])
        {
            var where = pinned ? CpuPlacement.PinText(settings) : "unpinned";
            progress.Stage($"who faults, {where}");
            (managed, native) = (new Samples(), new Samples());
            if (problem.Length == 0)
                problem = CpuPlacement.OnOwnThread(() => Touch(settings, pinned, library, managed, native));
            (double, double)? ours = problem.Length == 0 ? managed.Summary(1e-3) : null;
            (double, double)? floor = problem.Length == 0 ? native.Summary(1e-3) : null;
            yield return BenchRow.Latency(Title, $"4 KiB, a .NET thread, {where}", "us", ours, floor, "a thread made in C", Goal, problem);
        }

        progress.Stage("faults a second, and those of stress-ng");
        var (peer, reason) = StressNg(settings.Quick ? 1 : 4);
        yield return BenchRow.Rate(
            Title, "4 KiB, one thread, unpinned", problem.Length == 0 ? 1e9 / managed.Mean : null, peer, "stress-ng --userfaultfd 1", null, problem.Length > 0 ? problem : reason, "faults/s");
    }

    /// <summary>Times touches by both kinds of threads in turn.</summary>
    /// <returns>What spoils the figures, or an empty text.</returns>
    private static unsafe string Touch(BenchSettings settings, bool pinned, AccessLibrary library, Samples managed, Samples native)
    {
        if (pinned)
            CpuPlacement.Pin(settings.HandlerCpu);
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real, DeviceMemoryBytes = 16 << 20, LargestChunkBytes = PageBytes, ComputeUnits = 1 });
        if (pinned)
            CpuPlacement.Pin(settings.FaulterCpu);
        using var array = memory.Allocate<byte>((nint)Pages * PageBytes);
        array.Span.Fill(7);
        var times = new ulong[Pages];

        // SAFETY: the export has this signature; the arguments stand on this frame, and the times are pinned, until it returns.
        var touch = (delegate* unmanaged<Arguments*, int>)library.Export("touch_on_c_thread");
        var rounds = settings.Quick ? 2 : 8;
        for (var round = 0; round < 2 * (rounds + 1); round++)
        {
            memory.Prefetch(array, MemoryLocation.Device);
            Thread.Sleep(Rest);
            ulong sum = 0;
            if (round % 2 == 0)
            {
                for (nint page = 0; page < Pages; page++)
                {
                    var start = Stopwatch.GetTimestamp();
                    sum += Volatile.Read(ref array[page * PageBytes]);
                    times[page] = (ulong)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
                }
            }
            else
            {
                fixed (ulong* place = times)
                {
                    var arguments = new Arguments { Start = array.Address, Stride = PageBytes, Count = Pages, Nanoseconds = place };
                    var error = touch(&arguments);
                    if (error != 0)
                        return $"no thread could be made in C: error {error}";
                    sum = arguments.Sum;
                }
            }

            if (sum != 7 * Pages)
                return "WRONG DATA: a touched byte did not hold what was written";
            for (var page = 0; page < Pages && round > 1; page++)
                (round % 2 == 0 ? managed : native).Add(times[page]);
        }

        return "";
    }

    /// <summary>Page faults a second that stress-ng says it had served, or null with the reason.</summary>
    /// <param name="seconds">How long it runs.</param>
    private static (double? Rate, string Reason) StressNg(int seconds)
    {
        const string missing = "no peer: stress-ng is not installed; apt-get install stress-ng";
        var report = Path.GetTempFileName();
        try
        {
            string[] arguments = ["--userfaultfd", "1", "--userfaultfd-bytes", "4m", "-t", seconds.ToString(CultureInfo.InvariantCulture), "--metrics", "--yaml", report];
            var (code, _, error) = ChildProcess.Run("stress-ng", arguments);
            foreach (var line in File.ReadLines(report))
            {
                var parts = line.Split(':', StringSplitOptions.TrimEntries);
                if (parts[0] == "bogo-ops-per-second-real-time" && double.TryParse(parts[1], CultureInfo.InvariantCulture, out var rate) && rate > 0)
                    return (rate, "its pages are zeroes, ours come from device memory");
            }

            return (null, $"no peer: stress-ng ended with {code} and told no rate: {ChildProcess.FirstLine(error)}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, missing);
        }
        finally
        {
            File.Delete(report);
        }
    }

    /// <summary>The C structure touch_arguments.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Arguments
    {
        /// <summary>The first byte to touch.</summary>
        public nint Start;

        /// <summary>Bytes from one touch to the next.</summary>
        public ulong Stride;

        /// <summary>Touches.</summary>
        public ulong Count;

        /// <summary>Gets the time of each.</summary>
        public ulong* Nanoseconds;

        /// <summary>Gets the sum of the bytes.</summary>
        public ulong Sum;
    }
}
