// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;

namespace GpuSvm.Cli.Workloads;

/// <summary>All workloads by name, in the order in which help lists them.</summary>
internal static class WorkloadCatalog
{
    /// <summary>Name, one line of help, and how to make one.</summary>
    private static readonly (string Name, string Summary, Func<IWorkload> Create)[] Entries =
    [
        ("bfs", "breadth-first search on a graph, level by level", () => new BfsWorkload()),
        ("pagerank", "PageRank on a graph, 20 iterations in double precision", () => new PageRankWorkload()),
        ("triad", "a = b + s * c over three arrays, streaming", () => new TriadWorkload()),
        ("pointer-chase", "linked lists of real pointers, followed by the GPU", () => new PointerChaseWorkload()),
        ("ping-pong", "CPU and GPU change the same pages in turn", () => new PingPongWorkload()),
        ("sort", "merge sort of 64-bit keys between two arrays", () => new SortWorkload()),
    ];

    /// <summary>The workload that runs when none is named.</summary>
    public const string Default = "bfs";

    /// <summary>All names in order.</summary>
    public static IEnumerable<string> Names => Entries.Select(entry => entry.Name);

    /// <summary>All names with their line of help, in order.</summary>
    public static IEnumerable<(string Name, string Summary)> Summaries => Entries.Select(entry => (entry.Name, entry.Summary));

    /// <summary>Makes a workload.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InputException">There is none of that name; the message lists them and names the nearest.</exception>
    public static IWorkload Create(string name)
    {
        foreach (var entry in Entries)
        {
            if (entry.Name == name)
                return entry.Create();
        }

        var nearest = NearestName.Find(name, Names);
        throw new InputException($"unknown workload '{name}'{(nearest is null ? "." : $"; did you mean '{nearest}'?")} Workloads: {string.Join(", ", Names)}");
    }
}
