// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>What commands that replay one trace or workload take alike: what it is, and the machine that it is replayed on.</summary>
internal sealed class MachineOptions
{
    private readonly Option<string?> _size = CommandLine.TextOption("--size", "SIZE", "About how many bytes a generated workload touches; default 12M.");
    private readonly Option<string?> _iterations = CommandLine.TextOption("--iterations", "N", "Rounds, time steps or tokens of a generated workload; default 1.");
    private readonly Option<string?> _graph = CommandLine.TextOption("--graph", "FILE", "The graph of bfs and sssp; default a Kronecker graph of the size.");
    private readonly Option<string?> _device = CommandLine.TextOption("--device-memory", "SIZE", "The memory of each device; default twice what is touched.");
    private readonly Option<string?> _oversubscription = CommandLine.TextOption("--oversubscription", "N", "Instead: how much is touched for each byte of it, as 1.25 or 125%.");
    private readonly Option<string?> _chunk = CommandLine.TextOption("--chunk", string.Join('|', ReplayPolicies.ChunkNames), "The largest piece that moves at once; default 2M.");
    private readonly Option<string?> _prefetch = CommandLine.TextOption("--prefetch", string.Join('|', ReplayPolicies.PrefetchNames), "What else comes with a fault; default none.");
    private readonly Option<string?> _evict = CommandLine.TextOption("--evict", string.Join('|', ReplayPolicies.EvictNames), "What leaves a full device; default unused.");
    private readonly Option<string?> _thrash = CommandLine.TextOption("--thrash", string.Join('|', ReplayPolicies.ThrashNames), "What becomes of pages that go to and fro; default back-off.");
    private readonly Option<string?> _costModel = CommandLine.TextOption("--cost-model", LabInput.CostModelNames, "What things cost; default uvm-smart.");
    private readonly Option<string?> _seed = CommandLine.TextOption("--seed", "N", "Seed of everything random; default 1. The same seed gives the same result to the last byte.");

    /// <summary>The trace or workload.</summary>
    public Argument<string> Source { get; } = new("TRACE|WORKLOAD") { Description = $"A trace file, or a workload that is generated: {LabInput.WorkloadList}\n" };

    /// <summary>Adds everything to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        command.Add(Source);
        foreach (var option in (Option[])[_size, _iterations, _graph, _device, _oversubscription, _chunk, _prefetch, _evict, _thrash, _costModel, _seed])
            command.Add(option);
    }

    /// <summary>The size of a generated workload.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="InputException">Something is none.</exception>
    public WorkloadOptions WorkloadOptions(ParseResult parsed)
        => LabInput.Options(parsed.GetValue(_size), parsed.GetValue(_iterations), LabInput.Seed(parsed.GetValue(_seed)), parsed.GetValue(_graph));

    /// <summary>The machine.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="InputException">Something is none, or is said twice.</exception>
    public ReplaySettings Settings(ParseResult parsed)
    {
        if (parsed.GetValue(_device) is not null && parsed.GetValue(_oversubscription) is not null)
            throw new InputException("--device-memory and --oversubscription both say how much a device holds: leave one of them out");
        var defaults = new ReplayPolicies();
        return new ReplaySettings
        {
            Policies = new ReplayPolicies
            {
                Chunk = LabInput.Policy(parsed.GetValue(_chunk), "--chunk", ReplayPolicies.ChunkNames, defaults.Chunk),
                Prefetch = LabInput.Policy(parsed.GetValue(_prefetch), "--prefetch", ReplayPolicies.PrefetchNames, defaults.Prefetch),
                Evict = LabInput.Policy(parsed.GetValue(_evict), "--evict", ReplayPolicies.EvictNames, defaults.Evict),
                Thrash = LabInput.Policy(parsed.GetValue(_thrash), "--thrash", ReplayPolicies.ThrashNames, defaults.Thrash),
                Seed = LabInput.Seed(parsed.GetValue(_seed)),
            },
            CostModel = LabInput.CostModel(parsed.GetValue(_costModel)),
            DeviceMemoryBytes = parsed.GetValue(_device) is { } deviceText ? ByteSize.Parse(deviceText, "--device-memory") : null,
            Oversubscription = parsed.GetValue(_oversubscription) is { } ratio ? LabInput.Oversubscription(ratio) : null,
        };
    }
}
