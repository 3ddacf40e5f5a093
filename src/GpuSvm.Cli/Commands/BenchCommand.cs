// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Bench;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Commands;

/// <summary>
/// `gpusvm bench`: each figure beside its floor from the same run. The exit code is 0 also where goals are missed: figures are not a verdict.
/// </summary>
internal static class BenchCommand
{
    /// <summary>The fewest ranges that show a growth.</summary>
    private const int LeastRanges = 10_000;

    /// <summary>As many ranges as are measured without being asked.</summary>
    private const int DefaultRanges = 1_000_000;

    /// <summary>The most ranges, for which 4 GiB of memory are needed.</summary>
    private const int MostRanges = 10_000_000;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var quick = new Option<bool>("--quick") { Description = "Small sizes and few rounds: under half a minute." };
        var pin = CommandLine.TextOption("--pin", "CPU,CPU", "Where the pinned rows put the faulting thread and the library's threads; default: both on the first CPU.");
        var ranges = CommandLine.TextOption("--ranges", "N", "The largest number of ranges whose bookkeeping is measured, at most 10000000; default: 1000000, with --quick 10000.");
        var only = CommandLine.TextOption("--only", "WORD", "Only the groups whose title has this word in it; default: all.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the figures as JSON; - for standard output, which then carries nothing else.");
        var command = new Command("bench", "Measure the library against the machine's own limits, each figure beside its floor.") { quick, pin, ranges, only, json };
        command.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
                throw new InputException("bench measures userfaultfd and needs Linux; gpusvm run works here");
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var (faulter, handler) = ParsePin(parsed.GetValue(pin));
            var quickly = parsed.GetValue(quick);
            var most = parsed.GetValue(ranges) is { } text ? CommandLine.ParseNumber(text, "--ranges", LeastRanges, MostRanges)
                : quickly ? LeastRanges : DefaultRanges;
            var chosen = Choose(parsed.GetValue(only));
            var doctor = DoctorCommand.Examine();
            var settings = new BenchSettings(
                quickly, faulter, handler, doctor.Memory == "real" ? MemoryKind.Real : MemoryKind.Portable, doctor.MemoryReason, most);
            var silent = JsonFile.IsStandardOutput(path);
            var report = Progress.Show(console, silent, progress => Measure(chosen, settings, progress));
            JsonFile.Write(path, report, ReportJson.Default.BenchReport, console);
            if (!silent)
                BenchTable.Write(report, console.Ansi);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The benchmarks, in the order in which they are run.</summary>
    /// <param name="word">What a title must have in it, in capitals or not; null for all.</param>
    /// <exception cref="InputException">No title has it.</exception>
    private static IBenchmark[] Choose(string? word)
    {
        IBenchmark[] all =
        [
            new CpuFaultBenchmark(), new FaultingThreadBenchmark(), new LoadedFaultsBenchmark(), new FirstTouchBenchmark(), new MigrationBenchmark(), new GpuFaultBenchmark(), new KernelAccessBenchmark(),
            new RangeBenchmark(), new InvalidationBenchmark(), new BindBenchmark(),
            new FaultThreadsBenchmark(), new FaultStormBenchmark(), new PrefetchBenchmark(), new PolicyBenchmark(), new OversubscriptionBenchmark(), new ThrashBenchmark(), new RecordingBenchmark(),
            new AccessCounterBenchmark(), new ReadMostlyBenchmark(), new ReplayBenchmark(), new ExplorerBenchmark(),
        ];
        var chosen = Array.FindAll(all, benchmark => word is null || benchmark.Title.Contains(word, StringComparison.OrdinalIgnoreCase));
        return chosen.Length > 0 ? chosen : throw new InputException($"--only {word}: no group has that in its title; there are {string.Join("; ", all.Select(benchmark => benchmark.Title))}");
    }

    /// <summary>Runs benchmarks in order.</summary>
    private static BenchReport Measure(IBenchmark[] benchmarks, BenchSettings settings, Progress progress)
    {
        var placement = new List<string>();
        var rows = new List<BenchRow>();
        var load = LoadAverage();
        foreach (var benchmark in benchmarks)
            rows.AddRange(benchmark.Measure(settings, placement, progress));
        return new BenchReport(
            settings.Memory == MemoryKind.Real ? "real" : "portable",
            settings.MemoryReason,
            RuntimeInformation.OSDescription,
            Environment.ProcessorCount,
            ProcessorName(),
            load,
            settings.Quick,
            placement,
            rows,
            rows.Count(row => row.Met == true),
            rows.Count(row => row.Met == false),
            rows.Count(row => row.Goal is not null && row.Met is null));
    }

    /// <summary>Reads --pin: two CPUs that this process may use.</summary>
    private static (int Faulter, int Handler) ParsePin(string? text)
    {
        var allowed = CpuPlacement.Allowed();
        if (text is null)
            return (allowed[0], allowed[0]);
        var parts = text.Split(',');
        if (parts.Length != 2 || !int.TryParse(parts[0], CultureInfo.InvariantCulture, out var faulter)
            || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out var handler) || !allowed.Contains(faulter) || !allowed.Contains(handler))
            throw new InputException($"--pin {text}: not two CPUs of this process; use two of {string.Join(", ", allowed)}, as in --pin {allowed[0]},{allowed[^1]}");
        return (faulter, handler);
    }

    /// <summary>The one-minute load average, 0 where the system does not tell.</summary>
    private static double LoadAverage()
    {
        try
        {
            return double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>The processor's name, or its architecture where the system does not tell.</summary>
    private static string ProcessorName()
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/cpuinfo"))
            {
                if (line.StartsWith("model name", StringComparison.Ordinal))
                    return line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            }
        }
        catch (IOException)
        {
            // Without /proc the architecture has to do.
        }

        return RuntimeInformation.ProcessArchitecture.ToString();
    }
}
