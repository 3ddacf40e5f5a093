// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Workloads;

/// <summary>Breadth-first search: the next frontier are the nodes that were not seen before.</summary>
/// <param name="options">How large it is to be, or which graph.</param>
internal sealed class Bfs(WorkloadOptions options) : GraphWorkload(options, 4)
{
    private bool[] _seen = [];

    /// <inheritdoc/>
    protected override string Name => "bfs";

    /// <inheritdoc/>
    protected override int Start(int search)
    {
        int start = StartNode(search);
        _seen = new bool[Graph.Nodes];
        _seen[start] = true;
        return start;
    }

    /// <inheritdoc/>
    protected override bool Improves(int node, long edge, int target)
    {
        bool isNew = !_seen[target];
        _seen[target] = true;
        return isNew;
    }

    /// <inheritdoc/>
    protected override bool IsNew(int target, List<int> found) => true;
}
