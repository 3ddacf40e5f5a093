// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Workloads;

/// <summary>The workloads there are.</summary>
public static class WorkloadKinds
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<WorkloadKind> All { get; } =
    [
        new("triad", "three streams in step", options => new Triad(options)),
        new("2dconv", "a stencil of nine, streaming", options => new Convolution(options)),
        new("hotspot", "a stencil of five over time steps", options => new Hotspot(options)),
        new("srad", "two kernels over six arrays", options => new Srad(options)),
        new("fdtd-2d", "three kernels over three arrays", options => new Fdtd(options)),
        new("backprop", "weights of a layer, and the CPU in between", options => new Backprop(options)),
        new("pathfinder", "strips of many rows at once", options => new Pathfinder(options)),
        new("bfs", "breadth-first search of a graph", options => new Bfs(options)),
        new("sssp", "shortest paths in a graph", options => new ShortestPaths(options)),
        new("nw", "blocks along the diagonals of a matrix", options => new NeedlemanWunsch(options)),
        new("gups", "random updates", options => new Gups(options)),
        new("shuffle", "each page once, in an order of chance", options => new Shuffle(options)),
        new("atax", "a matrix by rows, then by columns", options => new Atax(options)),
        new("sgemm", "tiles that are used again and again", options => new Sgemm(options)),
        new("sort", "a stream in, 256 streams out", options => new RadixSort(options)),
        new("hash-join", "streams and a table at random", options => new HashJoin(options)),
        new("llm", "weights layer by layer, and a growing cache", options => new LanguageModel(options)),
    ];

    /// <summary>Finds one.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The workload; null if there is none of that name.</returns>
    public static WorkloadKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);
}
