// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>
/// A small program for the explorer: a machine, what is done before, threads that run at once, what is done after. Written as text (<see cref="ScenarioReader"/>), or made by a
/// generator (<see cref="ScenarioGenerator"/>).
/// </summary>
/// <remarks>
/// Whatever the threads do, every read must return what a write that it may see has written; an operation must answer what its line allows; afterwards the invariants hold, every number has
/// its last value, and everything is given back (<see cref="ScenarioMachine"/>).
/// </remarks>
public sealed record Scenario : IExploredProgram
{
    /// <inheritdoc/>
    public required string Name { get; init; }

    /// <summary>What it shows, in a sentence.</summary>
    public string Title { get; init; } = string.Empty;

    /// <summary>The machine.</summary>
    public ScenarioOptions Options { get; init; } = new();

    /// <summary>The memories: names and sizes in pages.</summary>
    public required IReadOnlyList<(string Name, int Pages)> Memories { get; init; }

    /// <summary>What is done before the threads begin.</summary>
    public IReadOnlyList<ScenarioOperation> Before { get; init; } = [];

    /// <summary>The threads.</summary>
    public required IReadOnlyList<ScenarioThread> Threads { get; init; }

    /// <summary>What is done when they have ended.</summary>
    public IReadOnlyList<ScenarioOperation> After { get; init; } = [];

    /// <inheritdoc/>
    public IExploredMachine Build() => new ScenarioMachine(this);

    /// <summary>How many operations it has.</summary>
    public int OperationCount => Before.Count + After.Count + Threads.Sum(thread => thread.Operations.Count);

    /// <summary>How gpusvm explore is told of it: by its name, or by the seed that made it.</summary>
    public string ToolName => Name.StartsWith("random-", StringComparison.Ordinal) ? $"random:{Name["random-".Length..]}" : Name;

    /// <summary>The name of pages, as lines write them.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>For example A0, or A0-1.</returns>
    public string NameOf(ScenarioPages pages) =>
        pages.Memory < 0 ? string.Empty
        : pages.Count == 1 ? $"{Memories[pages.Memory].Name}{pages.First}"
        : $"{Memories[pages.Memory].Name}{pages.First}-{pages.First + pages.Count - 1}";
}
