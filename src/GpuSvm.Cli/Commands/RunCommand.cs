// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Globalization;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Workloads;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm run`: a workload on shared memory, verified, with a report of what moved.</summary>
internal static class RunCommand
{
    /// <summary>The most CPU threads that can be asked for.</summary>
    private const int MostThreads = 1024;

    /// <summary>Bytes of a page: the least device memory, and its granularity.</summary>
    private const long PageBytes = 4096;

    /// <summary>The most compute units.</summary>
    private const int MostUnits = 256;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var workload = new Argument<string>("WORKLOAD")
        {
            DefaultValueFactory = _ => WorkloadCatalog.Default,
            Description = "What to run: " + string.Concat(WorkloadCatalog.Summaries.Select(entry => $"\n  {entry.Name,-14}{entry.Summary}")) + "\n",
        };
        var memory = CommandLine.TextOption("--memory", "auto|real|portable", "Host memory: real (userfaultfd), portable (any system), or auto, real where possible (default).");
        var device = CommandLine.TextOption("--device-memory", "SIZE", "The software GPU's memory, as 64M or 1GiB; default: a quarter of the data, at least 1 MiB.");
        var size = CommandLine.TextOption("--size", "SIZE", "Bytes of shared data; for graph workloads the Kronecker graph that comes nearest.");
        var threads = CommandLine.TextOption("--threads", "N", "CPU threads that fill shared memory and take the CPU's turns; default: one a processor.");
        var seed = CommandLine.TextOption("--seed", "N", "Seed of everything random; default 1.");
        var graph = CommandLine.TextOption("--graph", "FILE", "A graph: Matrix Market (.mtx) or an edge list (.csv, .tsv, .txt), each also .gz.");
        var scale = CommandLine.TextOption("--scale", "N", "A Kronecker graph of 2^N nodes.");
        var prefetch = CommandLine.TextOption("--prefetch", NamesOf<PrefetchPolicy>("|"), "What else comes beside the piece that a GPU fault moves; default none.");
        var evict = CommandLine.TextOption("--evict", NamesOf<EvictionPolicy>("|"), "What leaves when the device is full; default unused.");
        var chunk = CommandLine.TextOption("--chunk", "4K|64K|2M", "The largest piece that moves at once; default 2M.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the report as JSON; - for standard output, which then carries nothing else.");
        var inject = new Option<string[]>("--inject")
        {
            HelpName = "POINT[:NTH]",
            Description = "Lets the NTH hit (default 1) of an injection point fail once; can be given several times.",
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = _ => [],
        };
        var listInjections = new Option<bool>("--list-injections") { Description = "List the injection points instead of running." };
        var thrash = CommandLine.TextOption("--thrash", NamesOf<ThrashPolicy>("|"), "What becomes of pages that go to and fro; default back-off.");
        var counters = CommandLine.TextOption("--access-counters", NamesOf<AccessCounterPolicy>("|"), "What becomes of pages that the GPU often uses in RAM; default none.");
        var keepFree = CommandLine.TextOption("--keep-free", "SIZE", "Device memory to keep free by evicting ahead of need; default none.");
        var withoutFaults = new Option<bool>("--without-faults") { Description = "A device that raises no faults: launches name the arrays that they use, and are stopped while one is away." };
        var record = CommandLine.TextOption("--record", "FILE", "Record the run into a trace that `gpusvm replay` runs again.");
        var units = CommandLine.TextOption("--units", "N", "Compute units of the GPU; default one a processor. With one, and --threads 1, a replay of the recording is exact.");
        var monitor = new Option<bool>("--monitor") { Description = "Let `gpusvm top` watch the run." };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("run", "Run a workload on shared memory, verify it and report what moved. Without arguments: bfs on a real graph.")
        {
            workload, memory, device, size, threads, seed, graph, scale, prefetch, evict, chunk, thrash, counters, keepFree, withoutFaults, json, inject, listInjections, monitor, record, units, quiet,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(listInjections))
            {
                InjectionTable.Write(FaultInjection.Points, console);
                return ExitCode.Done;
            }

            var name = parsed.GetValue(workload)!;
            var chosen = WorkloadCatalog.Create(name);
            var settings = new WorkloadSettings(
                parsed.GetValue(size) is { } sizeText ? ByteSize.Parse(sizeText, "--size") : null,
                parsed.GetValue(threads) is { } threadsText ? CommandLine.ParseNumber(threadsText, "--threads", 1, MostThreads) : Environment.ProcessorCount,
                parsed.GetValue(seed) is { } seedText ? ParseSeed(seedText) : 1,
                parsed.GetValue(graph),
                parsed.GetValue(scale) is { } scaleText ? CommandLine.ParseNumber(scaleText, "--scale", 1, Kronecker.LargestScale) : null);
            var policies = new WorkloadPolicies(
                ParsePolicy<PrefetchPolicy>(parsed.GetValue(prefetch), "--prefetch"), ParsePolicy<EvictionPolicy>(parsed.GetValue(evict), "--evict"), ParseChunk(parsed.GetValue(chunk)),
                ParsePolicy<ThrashPolicy>(parsed.GetValue(thrash), "--thrash"),
                parsed.GetValue(keepFree) is { } free ? ByteSize.Parse(free, "--keep-free") : 0, parsed.GetValue(withoutFaults), parsed.GetValue(monitor) ? true : null,
                ParsePolicy<AccessCounterPolicy>(parsed.GetValue(counters), "--access-counters"), parsed.GetValue(record),
                parsed.GetValue(units) is { } unitsText ? CommandLine.ParseNumber(unitsText, "--units", 1, MostUnits) : 0);
            var deviceBytes = parsed.GetValue(device) is { } deviceText ? ParseDeviceBytes(deviceText) : (long?)null;
            var kind = ParseMemory(parsed.GetValue(memory));
            var jsonPath = parsed.GetValue(json);
            JsonFile.Check(jsonPath);
            var injections = InjectionRequest.ParseAll(parsed.GetValue(inject)!);
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(jsonPath);
            var report = Progress.Show(console, silent, progress => WorkloadRunner.Run(name, chosen, settings, policies, kind, deviceBytes, injections, progress));
            JsonFile.Write(jsonPath, report, ReportJson.Default.RunReport, console);
            if (!silent)
                RunTable.Write(report, console.Ansi);
            if (!report.Verified)
                console.WriteError($"{name} is NOT verified: {report.Verification}");
            if (report.Invariants != RunReport.InvariantsHold)
                console.WriteError($"an invariant of the library is broken after {name}: {report.Invariants}");
            return report.Verified && report.Invariants == RunReport.InvariantsHold ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Reads --memory.</summary>
    private static MemoryKind ParseMemory(string? text) => text switch
    {
        null or "auto" => MemoryKind.Auto,
        "real" => MemoryKind.Real,
        "portable" => MemoryKind.Portable,
        _ => throw new InputException($"--memory {text}: unknown; use auto, real or portable"),
    };

    /// <summary>Reads the name of a policy, in small letters with hyphens.</summary>
    /// <typeparam name="T">The policies.</typeparam>
    /// <param name="text">The name; null for the default.</param>
    /// <param name="option">The option.</param>
    private static T ParsePolicy<T>(string? text, string option)
        where T : struct, Enum
    {
        if (text is null)
            return default;
        foreach (var value in Enum.GetValues<T>())
        {
            if (NameOf(value) == text)
                return value;
        }

        throw new InputException($"{option} {text}: unknown; use {NamesOf<T>(", ")}");
    }

    /// <summary>All policies as they are written on the command line.</summary>
    private static string NamesOf<T>(string separator)
        where T : struct, Enum
        => string.Join(separator, Enum.GetValues<T>().Select(NameOf));

    /// <summary>How a policy is written on the command line: FaultOrder is fault-order.</summary>
    private static string NameOf<T>(T policy)
        where T : struct, Enum
        => string.Concat(policy.ToString().Select((letter, index) => (index > 0 && char.IsUpper(letter) ? "-" : "") + char.ToLowerInvariant(letter)));

    /// <summary>Reads --chunk.</summary>
    private static int ParseChunk(string? text) => text is null ? 2 << 20 : ByteSize.Parse(text, "--chunk") switch
    {
        4096 => 4096,
        65536 => 65536,
        2 << 20 => 2 << 20,
        _ => throw new InputException($"--chunk {text}: not a size of pieces; use 4K, 64K or 2M"),
    };

    /// <summary>Reads --seed.</summary>
    private static ulong ParseSeed(string text)
        => ulong.TryParse(text, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : throw new InputException($"--seed {text}: not a whole number from 0 to {ulong.MaxValue}");

    /// <summary>Reads --device-memory, rounded up to whole pages.</summary>
    private static long ParseDeviceBytes(string text)
    {
        var bytes = ByteSize.Parse(text, "--device-memory");
        return bytes >= PageBytes
            ? (bytes + PageBytes - 1) / PageBytes * PageBytes
            : throw new InputException($"--device-memory {text}: smaller than one page; use at least {PageBytes} bytes");
    }
}
