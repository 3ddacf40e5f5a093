// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>The common part of workloads over a graph: its arrays, and a frontier of nodes whose rows a kernel goes through. The graph is really searched: it decides the addresses.</summary>
/// <param name="options">How large it is to be, or which graph.</param>
/// <param name="edgeBytes">Bytes of an edge in memory.</param>
internal abstract class GraphWorkload(WorkloadOptions options, int edgeBytes) : IWorkload
{
    private const int OffsetBytes = 8;
    private const int NodeBytes = 4;

    private readonly Lazy<CsrGraph> _graph = new(() => options.Graph ?? Kronecker.Generate(ScaleFor(options.Bytes, edgeBytes), options.Seed));

    /// <inheritdoc/>
    public string Description => $"{Name} on {Graph.Name}: {Graph.Nodes} nodes, {Graph.Edges} edges";

    /// <inheritdoc/>
    public long FootprintBytes => ((Graph.Nodes + 1L) * OffsetBytes) + ((long)Graph.Edges * edgeBytes) + (Graph.Nodes * 3L * NodeBytes);

    /// <summary>What it does, in one word.</summary>
    protected abstract string Name { get; }

    /// <summary>The graph.</summary>
    protected CsrGraph Graph => _graph.Value;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray offsets = program.Allocate("offsets", (Graph.Nodes + 1L) * OffsetBytes), edges = program.Allocate("edges", (long)Graph.Edges * edgeBytes);
        WorkloadArray values = program.Allocate("values", Graph.Nodes * (long)NodeBytes);
        WorkloadArray current = program.Allocate("frontier", Graph.Nodes * (long)NodeBytes, fill: false), next = program.Allocate("next", Graph.Nodes * (long)NodeBytes, fill: false);
        for (int search = 0; search < options.Iterations; search++)
        {
            List<int> frontier = [Start(search)];
            while (frontier.Count > 0)
            {
                program.BeginKernel(Name);
                var found = new List<int>();
                for (int i = 0; i < frontier.Count; i++)
                {
                    if (i % (ProgramTrace.LineBytes / NodeBytes) == 0)
                        program.Read(current, i * (long)NodeBytes);
                    int node = frontier[i];
                    program.Read(offsets, node * (long)OffsetBytes, 2 * OffsetBytes);
                    Expand(program, edges, values, next, node, found);
                }

                program.EndKernel();
                frontier = found;
                (current, next) = (next, current);
            }
        }

        program.ByCpu(values, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>Begins a search.</summary>
    /// <param name="search">Its number.</param>
    /// <returns>The node that it starts from.</returns>
    protected abstract int Start(int search);

    /// <summary>Whether an edge improves the node that it reaches; then it is remembered.</summary>
    /// <param name="node">The node that it leaves.</param>
    /// <param name="edge">Its number.</param>
    /// <param name="target">The node that it reaches.</param>
    /// <returns>True if so.</returns>
    protected abstract bool Improves(int node, long edge, int target);

    /// <summary>Whether a node that was improved must be added to the next frontier: once a round.</summary>
    /// <param name="target">The node.</param>
    /// <param name="found">The frontier so far.</param>
    /// <returns>True if so.</returns>
    protected abstract bool IsNew(int target, List<int> found);

    /// <summary>A node that begins a search.</summary>
    /// <param name="search">The search's number.</param>
    /// <returns>The busiest node first, then others.</returns>
    protected int StartNode(int search) => search == 0 ? Graph.BusiestNode() : (int)new SplitMix(options.Seed).Below((ulong)search, Graph.Nodes);

    /// <summary>The binary logarithm of nodes whose graph takes about so many bytes.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="edgeBytes">Bytes of an edge.</param>
    /// <returns>The scale.</returns>
    private static int ScaleFor(long bytes, int edgeBytes)
    {
        long perNode = OffsetBytes + (3 * NodeBytes) + (2L * Kronecker.EdgesPerNode * edgeBytes);
        return Math.Clamp((int)Math.Round(Math.Log2(bytes / (double)perNode)), 4, Kronecker.LargestScale);
    }

    /// <summary>Goes through a node's row.</summary>
    /// <param name="program">The program.</param>
    /// <param name="edges">The array of edges.</param>
    /// <param name="values">The array of what is found.</param>
    /// <param name="next">The array of the next frontier.</param>
    /// <param name="node">The node.</param>
    /// <param name="found">Gets the nodes of the next frontier.</param>
    private void Expand(ProgramTrace program, WorkloadArray edges, WorkloadArray values, WorkloadArray next, int node, List<int> found)
    {
        long first = Graph.Offsets[node], end = Graph.Offsets[node + 1];
        int perLine = ProgramTrace.LineBytes / edgeBytes;
        program.Read(values, node * (long)NodeBytes, NodeBytes);
        for (long edge = first; edge < end; edge++)
        {
            if (edge == first || edge % perLine == 0)
                program.Read(edges, edge * edgeBytes, Math.Min(perLine - (edge % perLine), end - edge) * edgeBytes);
            int target = Graph.Targets[edge];
            program.Read(values, target * (long)NodeBytes, NodeBytes);
            if (!Improves(node, edge, target))
                continue;
            program.Atomic(values, target * (long)NodeBytes, NodeBytes);
            if (!IsNew(target, found))
                continue;
            program.Write(next, found.Count * (long)NodeBytes, NodeBytes);
            found.Add(target);
        }
    }
}
