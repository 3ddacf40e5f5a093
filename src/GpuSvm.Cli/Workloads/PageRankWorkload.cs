// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// PageRank by pulling: each node sums what the nodes that link to it give away, in the order of its row, so that the result does not depend on the
/// order of groups. Two kernels per iteration: one turns ranks into what each node gives to each of its links (and sums up, group by group, the rank
/// of
/// nodes without links), the other gathers and sums. Between them the CPU adds the groups' sums, which it reads from shared memory.
/// </summary>
internal sealed class PageRankWorkload : IWorkload
{
    /// <summary>Iterations; enough for four digits on most graphs, and the same work on all.</summary>
    internal const int Iterations = 20;

    /// <summary>The share of a node's rank that its links carry.</summary>
    private const double Damping = 0.85;

    /// <summary>Nodes in a block: 16 KiB of ranks.</summary>
    private const int BlockNodes = 2048;

    /// <summary>Edges gathered together: 32 KiB of values.</summary>
    private const int TileEdges = 4096;

    /// <summary>The largest relative error of any rank that still counts as right.</summary>
    private const double Tolerance = 1e-9;

    /// <summary>The graph on private arrays, as it was read.</summary>
    private CsrGraph _graph = null!;

    /// <summary>The graph with edges turned round: row v holds the nodes that link to v.</summary>
    private CsrGraph _incoming = null!;

    /// <summary>Row starts of the incoming graph.</summary>
    private SharedArray<long> _offsets = null!;

    /// <summary>Rows of the incoming graph.</summary>
    private SharedArray<int> _sources = null!;

    /// <summary>The number of links that leave each node.</summary>
    private SharedArray<int> _degrees = null!;

    /// <summary>The result.</summary>
    private SharedArray<double> _ranks = null!;

    /// <summary>What each node gives along each of its links.</summary>
    private SharedArray<double> _shares = null!;

    /// <summary>Rank of nodes without links, summed by block.</summary>
    private SharedArray<double> _dangling = null!;

    /// <summary>What every node gets before its links are counted; set by the CPU between the kernels.</summary>
    private double _base;

    /// <inheritdoc/>
    public string Input => GraphInput.Describe(_graph);

    /// <inheritdoc/>
    public long DataBytes => ((_graph.Nodes + 1L) * sizeof(long)) + ((long)_graph.Edges * sizeof(int))
        + (_graph.Nodes * (long)(sizeof(int) + (2 * sizeof(double)))) + (Blocks * (long)sizeof(double));

    /// <inheritdoc/>
    public long TrafficBytes { get; private set; }

    /// <inheritdoc/>
    public string TrafficDefinition => "per iteration 12 bytes per edge (source, share), 36 per node (row, degree, rank read and written, share)";

    /// <summary>The number of blocks.</summary>
    private int Blocks => (_graph.Nodes + BlockNodes - 1) / BlockNodes;

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => GraphInput.EstimateBytes(settings);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        _graph = GraphInput.Load(settings, progress);
        _incoming = _graph.Transpose();
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        _offsets = memory.Allocate<long>(_graph.Nodes + 1);
        _sources = memory.Allocate<int>(_graph.Edges);
        _degrees = memory.Allocate<int>(_graph.Nodes);
        _ranks = memory.Allocate<double>(_graph.Nodes);
        _shares = memory.Allocate<double>(_graph.Nodes);
        _dangling = memory.Allocate<double>(Blocks);
        CpuThreads.Copy(_incoming.Offsets, _offsets, settings.Threads);
        CpuThreads.Copy(_incoming.Targets, _sources, settings.Threads);
        CpuThreads.ForEachPiece(_graph.Nodes, settings.Threads, (start, length) =>
        {
            var degrees = _degrees.Slice((nint)start, length);
            for (var node = 0; node < length; node++)
                degrees[node] = _graph.Degree((int)start + node);
            _ranks.Slice((nint)start, length).Fill(1.0 / _graph.Nodes);
        });
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        for (var iteration = 1; iteration <= Iterations; iteration++)
        {
            progress.Step(iteration, Iterations, "iteration");
            using (var launch = memory.Launch(Share, Blocks, [_ranks.Use(KernelAccess.Read), _degrees.Use(KernelAccess.Read), _shares.Use(), _dangling.Use()]))
                launch.Wait();
            var dangling = 0.0;
            foreach (var part in _dangling.Span)
                dangling += part;
            _base = (1 - Damping + (Damping * dangling)) / _graph.Nodes;
            using (var launch = memory.Launch(Pull, Blocks, [_offsets.Use(KernelAccess.Read), _sources.Use(KernelAccess.Read), _shares.Use(KernelAccess.Read), _ranks.Use()]))
                launch.Wait();
        }

        TrafficBytes = Iterations * ((12L * _graph.Edges) + (36L * _graph.Nodes));
    }

    /// <summary>First kernel: what a block's nodes give along each link, and the rank of those that have none.</summary>
    private void Share(KernelContext context)
    {
        var first = context.GroupIndex * BlockNodes;
        var count = (int)Math.Min(BlockNodes, _graph.Nodes - first);
        var ranks = UnitBuffer<double>.Get(0, count);
        var degrees = UnitBuffer<int>.Get(0, count);
        context.Read(_ranks, first, ranks);
        context.Read(_degrees, first, degrees);
        var dangling = 0.0;
        for (var node = 0; node < count; node++)
        {
            if (degrees[node] == 0)
            {
                dangling += ranks[node];
                ranks[node] = 0;
            }
            else
            {
                ranks[node] /= degrees[node];
            }
        }

        context.Write<double>(_shares, first, ranks);
        context.Store(_dangling, context.GroupIndex, dangling);
    }

    /// <summary>Second kernel: the new ranks of a block's nodes, summed over the shares of the nodes that link to them.</summary>
    private void Pull(KernelContext context)
    {
        var first = context.GroupIndex * BlockNodes;
        var count = (int)Math.Min(BlockNodes, _graph.Nodes - first);
        var offsets = UnitBuffer<long>.Get(0, count + 1);
        var ranks = UnitBuffer<double>.Get(0, count);
        context.Read(_offsets, first, offsets);
        var node = 0;
        var sum = 0.0;
        for (var start = offsets[0]; start < offsets[count];)
        {
            var length = (int)Math.Min(TileEdges, offsets[count] - start);
            var sources = UnitBuffer<int>.Get(1, length);
            var indices = UnitBuffer<long>.Get(1, length);
            var shares = UnitBuffer<double>.Get(1, length);
            context.Read(_sources, (nint)start, sources);
            for (var edge = 0; edge < length; edge++)
                indices[edge] = sources[edge];
            context.Gather(_shares, indices, shares);
            for (var edge = 0; edge < length; edge++)
            {
                while (offsets[node + 1] <= start + edge)
                {
                    ranks[node++] = _base + (Damping * sum);
                    sum = 0;
                }

                sum += shares[edge];
            }

            start += length;
        }

        for (; node < count; node++)
        {
            ranks[node] = _base + (Damping * sum);
            sum = 0;
        }

        context.Write<double>(_ranks, first, ranks);
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        var expected = Reference(_graph, Iterations);
        var worst = 0.0;
        for (var node = 0; node < expected.Length; node++)
        {
            var error = Math.Abs(_ranks[node] - expected[node]) / expected[node];

            // Written so that a NaN counts as wrong.
            if (!(error < Tolerance))
                return new Verification(false, Invariant($"node {node}: rank {_ranks[node]:R}, a plain CPU run gives {expected[node]:R}"));
            worst = Math.Max(worst, error);
        }

        return new Verification(true, Invariant($"all {expected.Length:N0} ranks within {worst:0.0e+0} of a plain CPU run (allowed: {Tolerance:0e+0})"));
    }

    /// <summary>The plain CPU run: every node pushes its share along its links, over private arrays.</summary>
    /// <param name="graph">Any graph.</param>
    /// <param name="iterations">How often.</param>
    /// <returns>One rank per node; they sum to 1.</returns>
    internal static double[] Reference(CsrGraph graph, int iterations)
    {
        var ranks = new double[graph.Nodes];
        Array.Fill(ranks, 1.0 / graph.Nodes);
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            var sums = new double[graph.Nodes];
            var dangling = 0.0;
            for (var node = 0; node < graph.Nodes; node++)
            {
                var row = graph.Row(node);
                if (row.IsEmpty)
                    dangling += ranks[node];
                foreach (var target in row)
                    sums[target] += ranks[node] / row.Length;
            }

            for (var node = 0; node < graph.Nodes; node++)
                ranks[node] = ((1 - Damping) / graph.Nodes) + (Damping * (sums[node] + (dangling / graph.Nodes)));
        }

        return ranks;
    }

    /// <summary>Formats numbers the same everywhere.</summary>
    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
