// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>
/// A directed graph in compressed sparse rows, on private arrays: row v is <c>Targets[Offsets[v] .. Offsets[v + 1]]</c>, sorted ascending.
/// Workloads copy it into shared arrays and keep it as what they verify against.
/// </summary>
public sealed class CsrGraph
{
    /// <summary>Takes the finished arrays.</summary>
    /// <param name="offsets">One more than there are nodes; first 0, last the number of edges, never falling.</param>
    /// <param name="targets">One node number for each edge.</param>
    /// <param name="name">What the graph is called in reports.</param>
    private CsrGraph(long[] offsets, int[] targets, string name)
    {
        Offsets = offsets;
        Targets = targets;
        Name = name;
    }

    /// <summary>Where each row begins in <see cref="Targets"/>; one entry more than there are nodes.</summary>
    public long[] Offsets { get; }

    /// <summary>The node each edge reaches, row by row.</summary>
    public int[] Targets { get; }

    /// <summary>What the graph is called in reports.</summary>
    public string Name { get; }

    /// <summary>The number of nodes, numbered from 0.</summary>
    public int Nodes => Offsets.Length - 1;

    /// <summary>The number of directed edges.</summary>
    public int Edges => Targets.Length;

    /// <summary>The nodes that v's edges reach, ascending.</summary>
    /// <param name="node">A node number below <see cref="Nodes"/>.</param>
    public ReadOnlySpan<int> Row(int node) => Targets.AsSpan((int)Offsets[node], Degree(node));

    /// <summary>The number of edges that leave a node.</summary>
    /// <param name="node">A node number below <see cref="Nodes"/>.</param>
    public int Degree(int node) => (int)(Offsets[node + 1] - Offsets[node]);

    /// <summary>Builds the rows from edges in any order by a counting sort; parallel edges and self loops are kept.</summary>
    /// <param name="nodes">The number of nodes, above every endpoint.</param>
    /// <param name="sources">The node each edge leaves.</param>
    /// <param name="targets">The node each edge reaches, in step with <paramref name="sources"/>.</param>
    /// <param name="name">What the graph is called in reports.</param>
    public static CsrGraph FromEdges(int nodes, ReadOnlySpan<long> sources, ReadOnlySpan<long> targets, string name)
    {
        var offsets = new long[nodes + 1L];
        foreach (var source in sources)
            offsets[source + 1]++;
        for (var node = 0; node < nodes; node++)
            offsets[node + 1] += offsets[node];
        var next = offsets.AsSpan(0, nodes).ToArray();
        var columns = new int[sources.Length];
        for (var edge = 0; edge < sources.Length; edge++)
            columns[next[sources[edge]]++] = (int)targets[edge];
        for (var node = 0; node < nodes; node++)
            columns.AsSpan((int)offsets[node], (int)(offsets[node + 1] - offsets[node])).Sort();
        return new CsrGraph(offsets, columns, name);
    }

    /// <summary>Builds the rows from edges that are sorted already, each packed as source in the upper 32 bits and target in the lower.</summary>
    /// <param name="nodes">The number of nodes, above every endpoint.</param>
    /// <param name="keys">The packed edges, ascending.</param>
    /// <param name="name">What the graph is called in reports.</param>
    public static CsrGraph FromSortedKeys(int nodes, ReadOnlySpan<ulong> keys, string name)
    {
        var offsets = new long[nodes + 1L];
        var columns = new int[keys.Length];
        for (var edge = 0; edge < keys.Length; edge++)
        {
            offsets[(long)(keys[edge] >> 32) + 1]++;
            columns[edge] = (int)(keys[edge] & int.MaxValue);
        }

        for (var node = 0; node < nodes; node++)
            offsets[node + 1] += offsets[node];
        return new CsrGraph(offsets, columns, name);
    }

    /// <summary>The same graph with every edge turned round: row v holds the nodes that reach v, ascending.</summary>
    public CsrGraph Transpose()
    {
        var offsets = new long[Nodes + 1L];
        foreach (var target in Targets)
            offsets[target + 1L]++;
        for (var node = 0; node < Nodes; node++)
            offsets[node + 1] += offsets[node];
        var next = offsets.AsSpan(0, Nodes).ToArray();
        var columns = new int[Edges];
        for (var node = 0; node < Nodes; node++)
        {
            // Sources come in ascending order, so each new row is sorted as it is filled.
            foreach (var target in Row(node))
                columns[next[target]++] = node;
        }

        return new CsrGraph(offsets, columns, Name);
    }

    /// <summary>
    /// The node with the most edges, the lowest-numbered of several: a start that reaches much of the graph, and the same every time.
    /// </summary>
    public int BusiestNode()
    {
        var best = 0;
        for (var node = 1; node < Nodes; node++)
        {
            if (Degree(node) > Degree(best))
                best = node;
        }

        return best;
    }
}
