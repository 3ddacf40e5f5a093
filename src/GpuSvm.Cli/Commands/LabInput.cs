// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Graphs;
using GpuSvm.Lab.Advising;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>Reads what the commands of the lab take alike: workloads and traces, cost models, oversubscription, policies.</summary>
internal static class LabInput
{
    /// <summary>The most rounds of a workload.</summary>
    public const int MostIterations = 1_000_000;

    /// <summary>The names of cost models.</summary>
    public static string CostModelNames => string.Join('|', CostModels.All.Select(model => model.Name));

    /// <summary>The workloads, for help.</summary>
    public static string WorkloadList => string.Concat(WorkloadKinds.All.Select(kind => $"\n  {kind.Name,-14}{kind.Summary}"));

    /// <summary>A generated workload by its name, or a trace by its path.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="options">The size of a generated one.</param>
    /// <exception cref="InputException">There is neither, or the trace cannot be read.</exception>
    public static IWorkload Workload(string name, WorkloadOptions options)
    {
        if (WorkloadKinds.Find(name) is { } kind)
            return kind.Create(options);
        if (!File.Exists(name))
        {
            var nearest = NearestName.Find(name, WorkloadKinds.All.Select(workload => workload.Name));
            throw new InputException($"{name}: no such trace, and no workload of that name; {(nearest is null ? "" : $"did you mean {nearest}? ")}there are {string.Join(", ", WorkloadKinds.All.Select(workload => workload.Name))}");
        }

        try
        {
            return new RecordedWorkload(name);
        }
        catch (TraceFileException e)
        {
            throw new InputException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{name}: cannot be read ({e.Message.TrimEnd('.')}); check the file and its permissions", e);
        }
    }

    /// <summary>The size of generated workloads.</summary>
    /// <param name="size">--size, or null.</param>
    /// <param name="iterations">--iterations, or null.</param>
    /// <param name="seed">--seed, read.</param>
    /// <param name="graph">--graph, or null.</param>
    /// <exception cref="InputException">One of them is none.</exception>
    public static WorkloadOptions Options(string? size, string? iterations, long seed, string? graph)
    {
        var options = new WorkloadOptions();
        var bytes = size is null ? options.Bytes : ByteSize.Parse(size, "--size");
        if (bytes < WorkloadOptions.LeastBytes)
            throw new InputException($"--size {size}: too small for the arrays of a workload; use at least {ByteSize.Format(WorkloadOptions.LeastBytes)}");
        return options with
        {
            Bytes = bytes,
            Iterations = iterations is null ? 1 : CommandLine.ParseNumber(iterations, "--iterations", 1, MostIterations),
            Seed = (ulong)seed,
            Graph = graph is null ? null : GraphFile.Read(graph),
        };
    }

    /// <summary>Finds a cost model.</summary>
    /// <param name="name">Its name; null for the first.</param>
    /// <exception cref="InputException">There is none of that name.</exception>
    public static CostModel CostModel(string? name) => name is null
        ? CostModels.All[0]
        : CostModels.Find(name) ?? throw new InputException($"--cost-model {name}: unknown; use {CostModelNames.Replace("|", ", ", StringComparison.Ordinal)}");

    /// <summary>Reads an oversubscription: 1.25, or 125%.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <exception cref="InputException">It is none.</exception>
    public static double Oversubscription(string text)
    {
        var isPercent = text.EndsWith('%');
        if (!double.TryParse(isPercent ? text[..^1] : text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value <= 0)
            throw new InputException($"--oversubscription {text}: not a ratio; write 1.25 or 125% where the workload touches a quarter more than a device holds");
        value = isPercent ? value / 100 : value;
        return value is >= 0.01 and <= 1000 ? value : throw new InputException($"--oversubscription {text}: out of range; use 0.01 to 1000, where 1 is a device that just holds everything");
    }

    /// <summary>Checks the name of a policy.</summary>
    /// <param name="name">What the user wrote; null for the default.</param>
    /// <param name="option">The option.</param>
    /// <param name="names">What there is.</param>
    /// <param name="byDefault">The default.</param>
    /// <exception cref="InputException">There is none of that name.</exception>
    public static string Policy(string? name, string option, IReadOnlyList<string> names, string byDefault)
        => name is null ? byDefault : names.Contains(name) ? name : throw new InputException($"{option} {name}: unknown; use {string.Join(", ", names)}");

    /// <summary>Reads what is advised of memory.</summary>
    /// <param name="texts">NAME=WISH each.</param>
    /// <exception cref="InputException">One is none.</exception>
    public static AdvisedSettings Advice(IEnumerable<string> texts) => new(texts.Select(text =>
    {
        var at = text.LastIndexOf('=');
        return at > 0 && IntervalWish.Find(text[(at + 1)..]) is { } wish
            ? new Setting(AdvisedInterval.Parse(text[..at]), wish)
            : throw new InputException($"--advise {text}: write the memory's name and a wish, as in power=read-mostly; wishes are {string.Join(", ", IntervalWish.All.Select(wish => wish.Name))}");
    }));

    /// <summary>Reads --seed.</summary>
    /// <param name="text">What the user wrote; null for 1.</param>
    /// <exception cref="InputException">It is none.</exception>
    public static long Seed(string? text) => text is null ? 1
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed
        : throw new InputException($"--seed {text}: not a whole number from 0 to {long.MaxValue}");
}
