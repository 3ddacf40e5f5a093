// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Cli.Commands;

/// <summary>What replay, compare and advise take alike of a generated workload: its size, its rounds, its graph.</summary>
internal sealed class WorkloadArguments
{
    /// <summary>How large it is.</summary>
    private readonly Option<string?> _size = CommandLine.TextOption("--size", "SIZE", "About how many bytes a generated workload touches; default 12M.");

    /// <summary>How often it runs.</summary>
    private readonly Option<string?> _iterations = CommandLine.TextOption("--iterations", "N", "Rounds, time steps or tokens of a generated workload; default 1.");

    /// <summary>Its graph.</summary>
    private readonly Option<string?> _graph = CommandLine.TextOption("--graph", "FILE", "The graph of bfs and sssp; default a Kronecker graph of the size.");

    /// <summary>The options, to be added to a command.</summary>
    public IReadOnlyList<Option> All => [_size, _iterations, _graph];

    /// <summary>The graph's file; null for none.</summary>
    /// <param name="parsed">The command line.</param>
    public string? Graph(ParseResult parsed) => parsed.GetValue(_graph);

    /// <summary>Reads them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="InputException">One of them cannot be used.</exception>
    public WorkloadOptions Read(ParseResult parsed, long seed = 1) => LabInput.Options(parsed.GetValue(_size), parsed.GetValue(_iterations), seed, parsed.GetValue(_graph));
}
