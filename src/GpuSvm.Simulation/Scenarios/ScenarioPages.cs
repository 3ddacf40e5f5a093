// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>Pages of one memory of a scenario.</summary>
/// <param name="Memory">The memory's number; -1 for no pages at all.</param>
/// <param name="First">The first page.</param>
/// <param name="Count">How many.</param>
public readonly record struct ScenarioPages(int Memory, int First, int Count)
{
    /// <summary>No pages.</summary>
    public static ScenarioPages None { get; } = new(-1, 0, 0);

    /// <summary>Whether a page is one of these.</summary>
    /// <param name="memory">The page's memory.</param>
    /// <param name="page">Its number there.</param>
    /// <returns>True if so.</returns>
    public bool Contains(int memory, int page) => memory == Memory && page >= First && page < First + Count;
}
