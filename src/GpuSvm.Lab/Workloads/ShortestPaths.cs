// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Lab.Workloads;

/// <summary>Shortest paths over edges with weights of 1 to 64: the next frontier are the nodes that have become nearer, each once.</summary>
/// <param name="options">How large it is to be, or which graph.</param>
internal sealed class ShortestPaths(WorkloadOptions options) : GraphWorkload(options, 8)
{
    private readonly SplitMix _weights = new(~options.Seed);
    private int[] _distances = [];
    private int[] _rounds = []; // When a node was added to a frontier last.
    private List<int>? _frontier; // The one that is being filled.
    private int _round;

    /// <inheritdoc/>
    protected override string Name => "sssp";

    /// <inheritdoc/>
    protected override int Start(int search)
    {
        int start = StartNode(search);
        _distances = new int[Graph.Nodes];
        Array.Fill(_distances, int.MaxValue);
        _rounds = new int[Graph.Nodes];
        _distances[start] = 0;
        return start;
    }

    /// <inheritdoc/>
    protected override bool Improves(int node, long edge, int target)
    {
        int distance = _distances[node] + 1 + (int)_weights.Below((ulong)edge, 64);
        if (distance >= _distances[target])
            return false;
        _distances[target] = distance;
        return true;
    }

    /// <inheritdoc/>
    protected override bool IsNew(int target, List<int> found)
    {
        if (!ReferenceEquals(found, _frontier))
            (_frontier, _round) = (found, _round + 1);
        bool isNew = _rounds[target] != _round;
        _rounds[target] = _round;
        return isNew;
    }
}
