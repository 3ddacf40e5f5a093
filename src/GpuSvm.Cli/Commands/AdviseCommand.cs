// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Advising;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm advise`: searches policies and advice for a trace or workload, and prints the best with its gain and the code that says it.</summary>
internal static class AdviseCommand
{
    /// <summary>The most replays at once.</summary>
    private const int MostThreads = 1024;

    /// <summary>The least budget, in accesses.</summary>
    private const long LeastBudget = 1000;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var source = new Argument<string>("TRACE|WORKLOAD") { Description = $"A trace file, or a workload that is generated: {LabInput.WorkloadList}\n" };
        var workload = new WorkloadArguments();
        var machine = new DeviceArguments("what the trace says, or four fifths of what is touched");
        var budget = CommandLine.TextOption("--budget", "N", "The most accesses that the search replays, as 50M or 1G; default 200M. What is found is then proved with some twenty replays more.");
        var seed = CommandLine.TextOption("--seed", "N", "Seed of everything random; default 1. The same call finds the same each time.");
        var threads = CommandLine.TextOption("--threads", "N", "Replays at once; default one a processor. It changes no result.");
        var json = CommandLine.TextOption("--json", "FILE", "Also write the result as JSON; - for standard output, which then carries nothing else.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress and no table; errors and the exit code only." };
        var command = new Command("advise", "Search policies and advice for a trace or workload by replays; print the best, what each of it is worth, and the code that says it.") { source, budget, seed, threads, json, quiet };
        foreach (var option in workload.All.Concat(machine.All))
            command.Add(option);
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(json);
            JsonFile.Check(path);
            var silent = parsed.GetValue(quiet) || JsonFile.IsStandardOutput(path);
            var name = parsed.GetValue(source)!;
            var seedValue = LabInput.Seed(parsed.GetValue(seed));
            var sizes = workload.Read(parsed, seedValue);
            var first = LabInput.Workload(name, sizes);
            var settings = WithMemory(machine.Read(parsed, new ReplayPolicies { Seed = seedValue }, new ReplaySettings()), name, first);
            var options = new AdvisorOptions
            {
                Create = seed => first is RecordedWorkload ? first : LabInput.Workload(name, sizes with { Seed = (ulong)seed }),
                Machine = settings,
                Threads = parsed.GetValue(threads) is { } text ? CommandLine.ParseNumber(text, "--threads", 1, MostThreads) : Environment.ProcessorCount,
            };
            if (parsed.GetValue(budget) is { } budgetText)
                options = options with { BudgetAccesses = Budget(budgetText) };
            var advice = Progress.Show(console, silent, progress => Search(name, options, progress));
            var deviceBytes = settings.DeviceBytesFor(first.FootprintBytes);
            var given = workload.All.Where(option => parsed.GetResult(option) is not null).Select(option => $" {option.Name} {parsed.GetValue((Option<string?>)option)}");
            var replay = $"gpusvm replay {name}{string.Concat(given)} --device-memory {deviceBytes} --cost-model {settings.CostModel.Name} --seed {seedValue} {advice.Settings}".TrimEnd();
            var report = AdviceReport.From(first.Description, deviceBytes, settings, advice, replay);
            JsonFile.Write(path, report, ReportJson.Default.AdviceReport, console);
            if (!silent)
                AdviceTable.Write(report, advice, console.Ansi);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Searches, and turns what cannot be replayed into a sentence.</summary>
    /// <param name="name">The trace or workload.</param>
    /// <param name="options">What is searched.</param>
    /// <param name="progress">Told how far it is.</param>
    private static Advice Search(string name, AdvisorOptions options, Progress progress)
    {
        try
        {
            return Advisor.Search(options, progress.Stage, (done, total) => progress.Step(done, total, "replay"), CancellationToken.None);
        }
        catch (ReplayException e)
        {
            throw new InputException($"{name}: {e.Message}", e);
        }
    }

    /// <summary>Chooses how much a device holds where the user does not say: what the trace says, or so little that it matters what leaves.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="path">The trace.</param>
    /// <param name="workload">The same, read; or a generated one.</param>
    private static ReplaySettings WithMemory(ReplaySettings settings, string path, IWorkload workload)
    {
        const double Default = 1.25;
        if (settings.DeviceMemoryBytes is not null || settings.Oversubscription is not null)
            return settings;
        if (workload is not RecordedWorkload)
            return settings with { Oversubscription = Default };
        using var reader = TraceReader.Open(path);
        return reader.Header.DeviceMemoryBytes is [> 0 and var bytes, ..] ? settings with { DeviceMemoryBytes = bytes } : settings with { Oversubscription = Default };
    }

    /// <summary>Reads a number of accesses: a whole number with K, M or G for thousands, millions, thousands of millions.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <exception cref="InputException">It is none.</exception>
    private static long Budget(string text)
    {
        var factor = char.ToUpperInvariant(text.Length > 0 ? text[^1] : '0') switch { 'K' => 1_000L, 'M' => 1_000_000L, 'G' => 1_000_000_000L, _ => 1L };
        return long.TryParse(factor == 1 ? text : text[..^1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
            && number > 0 && number <= long.MaxValue / factor && number * factor >= LeastBudget
            ? number * factor
            : throw new InputException($"--budget {text}: not a number of accesses from {LeastBudget} on; write 50M or 1G");
    }
}
