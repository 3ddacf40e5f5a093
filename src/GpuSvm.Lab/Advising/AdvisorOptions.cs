// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Advising;

/// <summary>What the advisor searches for, and how long.</summary>
public sealed record AdvisorOptions
{
    /// <summary>Makes the workload for a seed: a new one each time, because workloads remember where they are; a recorded one is the same for all seeds.</summary>
    public required Func<long, IWorkload> Create { get; init; }

    /// <summary>The machine: its memory, cost model and seed. Its policies are not used: what is searched begins with the library's.</summary>
    public required ReplaySettings Machine { get; init; }

    /// <summary>The most accesses that are replayed in the search, over all its replays. What is found is then checked with some twenty replays more.</summary>
    public long BudgetAccesses { get; init; } = 200_000_000;

    /// <summary>Replays at once. It changes no result.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>The most memory, by what moved of it, that something is wished of; the rest is left as it is.</summary>
    public int MostIntervals { get; init; } = 8;

    /// <summary>How many seeds what was found is checked with, from the machine's on.</summary>
    public int Seeds { get; init; } = 3;
}
