// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// Breadth-first search from the node with the most edges, level by level. A group owns a block of nodes: it reads their distances in one tile,
/// streams
/// the rows of those on the frontier, gathers the neighbours' distances and scatters the next level to those not yet reached. Units may reach the
/// same
/// node at once; they write the same value, so no atomics are needed. The blocks that hold the next frontier are marked in a byte array, and the CPU
/// turns the marks into the next launch's list of blocks: both sides touch the same pages in every level.
/// </summary>
internal sealed class BfsWorkload : IWorkload
{
    /// <summary>Nodes in a block: 8 KiB of distances, 16 KiB of offsets.</summary>
    private const int BlockNodes = 2048;

    /// <summary>Edges looked at together: 16 KiB of targets.</summary>
    private const int TileEdges = 4096;

    /// <summary>The distance of a node that has not been reached.</summary>
    private const int Unreached = -1;

    /// <summary>The graph on private arrays.</summary>
    private CsrGraph _graph = null!;

    /// <summary>Where the search begins.</summary>
    private int _source;

    /// <summary>Row starts in shared memory, one more than nodes.</summary>
    private SharedArray<long> _offsets = null!;

    /// <summary>Edge targets in shared memory.</summary>
    private SharedArray<int> _targets = null!;

    /// <summary>The result: levels from the source, or <see cref="Unreached"/>.</summary>
    private SharedArray<int> _distances = null!;

    /// <summary>A byte per block: 1 if the level just done reached a node in it.</summary>
    private SharedArray<byte> _marks = null!;

    /// <summary>The blocks that this launch works on.</summary>
    private SharedArray<int> _work = null!;

    /// <summary>The level being expanded; set between launches.</summary>
    private int _level;

    /// <summary>Edges looked at; added to by groups with Interlocked.</summary>
    private long _edges;

    /// <inheritdoc/>
    public string Input => GraphInput.Describe(_graph);

    /// <inheritdoc/>
    public long DataBytes => ((_graph.Nodes + 1L) * sizeof(long)) + ((long)_graph.Edges * sizeof(int)) + ((long)_graph.Nodes * sizeof(int))
        + (Blocks * (sizeof(byte) + (long)sizeof(int)));

    /// <inheritdoc/>
    public long TrafficBytes { get; private set; }

    /// <inheritdoc/>
    public string TrafficDefinition => "8 bytes per edge looked at (target, distance), 12 per node reached (row, distance)";

    /// <summary>The number of blocks.</summary>
    private int Blocks => (_graph.Nodes + BlockNodes - 1) / BlockNodes;

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => GraphInput.EstimateBytes(settings);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        _graph = GraphInput.Load(settings, progress);
        _source = _graph.BusiestNode();
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        _offsets = memory.Allocate<long>(_graph.Nodes + 1);
        _targets = memory.Allocate<int>(_graph.Edges);
        _distances = memory.Allocate<int>(_graph.Nodes);
        _marks = memory.Allocate<byte>(Blocks);
        _work = memory.Allocate<int>(Blocks);
        CpuThreads.Copy(_graph.Offsets, _offsets, settings.Threads);
        CpuThreads.Copy(_graph.Targets, _targets, settings.Threads);
        CpuThreads.ForEachPiece(_graph.Nodes, settings.Threads, (start, length) => _distances.Slice((nint)start, length).Fill(Unreached));
        _distances[_source] = 0;
        _work[0] = _source / BlockNodes;
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        var blocks = 1;
        for (_level = 0; blocks > 0; _level++)
        {
            progress.Step(_level, 0, "level");
            using (var launch = memory.Launch(Expand, blocks, [_work.Use(KernelAccess.Read), _offsets.Use(KernelAccess.Read), _targets.Use(KernelAccess.Read), _distances.Use(), _marks.Use()]))
                launch.Wait();
            blocks = CollectMarkedBlocks();
        }
    }

    /// <summary>The CPU's turn: lists the marked blocks for the next launch and takes the marks away.</summary>
    /// <returns>The number of blocks listed.</returns>
    private int CollectMarkedBlocks()
    {
        var marks = _marks.Span;
        var work = _work.Span;
        var count = 0;
        for (var block = 0; block < marks.Length; block++)
        {
            if (marks[block] != 0)
                work[count++] = block;
        }

        marks.Clear();
        return count;
    }

    /// <summary>The kernel: one block of nodes.</summary>
    private void Expand(KernelContext context)
    {
        var first = (nint)context.Load(_work, context.GroupIndex) * BlockNodes;
        var count = (int)Math.Min(BlockNodes, _graph.Nodes - first);
        var distances = UnitBuffer<int>.Get(0, count);
        var offsets = UnitBuffer<long>.Get(0, count + 1);
        context.Read(_distances, first, distances);
        context.Read(_offsets, first, offsets);
        var targets = UnitBuffer<int>.Get(1, TileEdges);
        var filled = 0;
        long edges = 0;
        for (var node = 0; node < count; node++)
        {
            if (distances[node] != _level)
                continue;
            var start = offsets[node];
            while (node + 1 < count && distances[node + 1] == _level)
                node++;
            var end = offsets[node + 1];
            edges += end - start;
            while (start < end)
            {
                var take = (int)Math.Min(end - start, TileEdges - filled);
                context.Read(_targets, (nint)start, targets.Slice(filled, take));
                filled += take;
                start += take;
                if (filled == TileEdges)
                {
                    Reach(context, targets);
                    filled = 0;
                }
            }
        }

        Reach(context, targets[..filled]);
        Interlocked.Add(ref _edges, edges);
    }

    /// <summary>Sets the next level on those of the targets that have not been reached, and marks their blocks.</summary>
    private void Reach(KernelContext context, ReadOnlySpan<int> targets)
    {
        if (targets.IsEmpty)
            return;
        var indices = UnitBuffer<long>.Get(1, targets.Length);
        for (var edge = 0; edge < targets.Length; edge++)
            indices[edge] = targets[edge];
        var found = UnitBuffer<int>.Get(2, targets.Length);
        context.Gather(_distances, indices, found);
        var fresh = 0;
        for (var edge = 0; edge < found.Length; edge++)
        {
            if (found[edge] == Unreached)
                indices[fresh++] = indices[edge];
        }

        if (fresh == 0)
            return;
        found[..fresh].Fill(_level + 1);
        context.Scatter<int>(_distances, indices[..fresh], found[..fresh]);
        var marked = 0;
        for (var edge = 0; edge < fresh; edge++)
        {
            var block = indices[edge] / BlockNodes;
            if (marked == 0 || indices[marked - 1] != block)
                indices[marked++] = block;
        }

        var ones = UnitBuffer<byte>.Get(0, marked);
        ones.Fill(1);
        context.Scatter<byte>(_marks, indices[..marked], ones);
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        var expected = Reference(_graph, _source);
        var reached = 0L;
        foreach (var distance in expected)
            reached += distance == Unreached ? 0 : 1;
        TrafficBytes = (8 * _edges) + (12 * reached);
        for (var node = 0; node < expected.Length; node++)
        {
            if (_distances[node] != expected[node])
                return new Verification(false, $"node {node}: distance {_distances[node]}, a plain CPU run gives {expected[node]}");
        }

        return new Verification(true, $"all {expected.Length:N0} distances equal a plain CPU run; {reached:N0} reached in {_level - 1} levels");
    }

    /// <summary>The plain CPU run: a queue over private arrays.</summary>
    /// <param name="graph">Any graph.</param>
    /// <param name="source">Where to begin.</param>
    /// <returns>The number of edges on a shortest path to each node, -1 where there is none.</returns>
    internal static int[] Reference(CsrGraph graph, int source)
    {
        var distances = new int[graph.Nodes];
        Array.Fill(distances, Unreached);
        distances[source] = 0;
        var queue = new int[graph.Nodes];
        var (head, tail) = (0, 1);
        queue[0] = source;
        while (head < tail)
        {
            var node = queue[head++];
            foreach (var target in graph.Row(node))
            {
                if (distances[target] != Unreached)
                    continue;
                distances[target] = distances[node] + 1;
                queue[tail++] = target;
            }
        }

        return distances;
    }
}
