// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>What commands that replay one trace or workload take alike: what it is, and the machine that it is replayed on.</summary>
internal sealed class MachineOptions
{
    private readonly WorkloadArguments _workload = new();
    private readonly DeviceArguments _device = new("that of the recorded run, or twice what is touched");
    private readonly Option<string?> _chunk = CommandLine.TextOption("--chunk", string.Join('|', ReplayPolicies.ChunkNames), "The largest piece that moves at once; default 2M.");
    private readonly Option<string?> _prefetch = CommandLine.TextOption("--prefetch", string.Join('|', ReplayPolicies.PrefetchNames), "What else comes with a fault; default none.");
    private readonly Option<string?> _evict = CommandLine.TextOption("--evict", string.Join('|', ReplayPolicies.EvictNames), "What leaves a full device; default unused.");
    private readonly Option<string?> _thrash = CommandLine.TextOption("--thrash", string.Join('|', ReplayPolicies.ThrashNames), "What becomes of pages that go to and fro; default back-off.");
    private readonly Option<string?> _placement = CommandLine.TextOption("--placement", string.Join('|', ReplayPolicies.PlacementNames), "Whether what a device touches moves to it; default first-touch.");
    private readonly Option<string?> _seed = CommandLine.TextOption("--seed", "N", "Seed of everything random; default 1. The same seed gives the same result to the last byte.");

    /// <summary>The trace or workload.</summary>
    public Argument<string> Source { get; } = new("TRACE|WORKLOAD") { Description = $"A trace file, or a workload that is generated: {LabInput.WorkloadList}\n" };

    /// <summary>Adds everything to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        command.Add(Source);
        foreach (var option in _workload.All.Concat(_device.All).Concat([_chunk, _prefetch, _evict, _thrash, _placement, _seed]))
            command.Add(option);
    }

    /// <summary>The size of a generated workload.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="InputException">Something is none.</exception>
    public WorkloadOptions WorkloadOptions(ParseResult parsed) => _workload.Read(parsed, LabInput.Seed(parsed.GetValue(_seed)));

    /// <summary>The machine.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="otherwise">What holds where the command line says nothing; null for the defaults.</param>
    /// <exception cref="InputException">Something is none, or is said twice.</exception>
    public ReplaySettings Settings(ParseResult parsed, ReplaySettings? otherwise = null)
    {
        otherwise ??= new ReplaySettings();
        return _device.Read(
            parsed,
            new ReplayPolicies
            {
                Chunk = LabInput.Policy(parsed.GetValue(_chunk), "--chunk", ReplayPolicies.ChunkNames, otherwise.Policies.Chunk),
                Prefetch = LabInput.Policy(parsed.GetValue(_prefetch), "--prefetch", ReplayPolicies.PrefetchNames, otherwise.Policies.Prefetch),
                Evict = LabInput.Policy(parsed.GetValue(_evict), "--evict", ReplayPolicies.EvictNames, otherwise.Policies.Evict),
                Thrash = LabInput.Policy(parsed.GetValue(_thrash), "--thrash", ReplayPolicies.ThrashNames, otherwise.Policies.Thrash),
                Placement = LabInput.Policy(parsed.GetValue(_placement), "--placement", ReplayPolicies.PlacementNames, otherwise.Policies.Placement),
                Seed = LabInput.Seed(parsed.GetValue(_seed)),
            },
            otherwise);
    }
}
