// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Cli.Commands;

/// <summary>What replay and advise take alike of the machine: how much a device holds, said in one of two ways, and what things cost.</summary>
internal sealed class DeviceArguments
{
    /// <summary>How much it holds.</summary>
    private readonly Option<string?> _memory;

    /// <summary>Instead: how much is touched for each byte of it.</summary>
    private readonly Option<string?> _oversubscription = CommandLine.TextOption("--oversubscription", "N", "Instead: how much is touched for each byte of it, as 1.25 or 125%.");

    /// <summary>What things cost.</summary>
    private readonly Option<string?> _costModel = CommandLine.TextOption("--cost-model", LabInput.CostModelNames, "What things cost; default uvm-smart.");

    /// <summary>Makes the options.</summary>
    /// <param name="defaultMemory">What help says of a device whose memory is not given.</param>
    public DeviceArguments(string defaultMemory) => _memory = CommandLine.TextOption("--device-memory", "SIZE", $"The memory of each device; default {defaultMemory}.");

    /// <summary>The options, to be added to a command.</summary>
    public IReadOnlyList<Option> All => [_memory, _oversubscription, _costModel];

    /// <summary>Reads them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="policies">The policies of the settings.</param>
    /// <param name="otherwise">What holds where the memory is not said.</param>
    /// <exception cref="InputException">One of them cannot be used, or two say the same thing.</exception>
    public ReplaySettings Read(ParseResult parsed, ReplayPolicies policies, ReplaySettings otherwise)
    {
        if (parsed.GetValue(_memory) is not null && parsed.GetValue(_oversubscription) is not null)
            throw new InputException("--device-memory and --oversubscription both say how much a device holds: leave one of them out");
        return otherwise with
        {
            Policies = policies,
            CostModel = LabInput.CostModel(parsed.GetValue(_costModel)),
            DeviceMemoryBytes = parsed.GetValue(_memory) is { } text ? ByteSize.Parse(text, "--device-memory") : parsed.GetValue(_oversubscription) is null ? otherwise.DeviceMemoryBytes : null,
            Oversubscription = parsed.GetValue(_oversubscription) is { } ratio ? LabInput.Oversubscription(ratio) : null,
        };
    }
}
