// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>
/// Directed edges in two growing private arrays, in the order of the file, before they become a <see cref="CsrGraph"/>.
/// Endpoints are kept as 64-bit labels until the end, because files number their nodes as they like.
/// </summary>
public sealed class EdgeList
{
    /// <summary>The most nodes a graph may have here: targets are 32-bit in the CSR arrays.</summary>
    public const long MostNodes = int.MaxValue - 1;

    /// <summary>Source labels; only the first <see cref="_count"/> are edges.</summary>
    private long[] _sources = new long[1024];

    /// <summary>Target labels, in step with <see cref="_sources"/>.</summary>
    private long[] _targets = new long[1024];

    /// <summary>The number of edges so far.</summary>
    private int _count;

    /// <summary>The number of edges added so far.</summary>
    public int Count => _count;

    /// <summary>Adds one edge.</summary>
    /// <param name="source">Label of the node the edge leaves, 0 or greater.</param>
    /// <param name="target">Label of the node it reaches, 0 or greater.</param>
    public void Add(long source, long target)
    {
        if (_count == _sources.Length)
        {
            var larger = (int)Math.Min(Array.MaxLength, _count * 2L);
            if (larger == _count)
                throw new GraphFormatException($"the graph has more than {_count:N0} edges, the most this tool can hold; use a smaller graph");
            Array.Resize(ref _sources, larger);
            Array.Resize(ref _targets, larger);
        }

        _sources[_count] = source;
        _targets[_count] = target;
        _count++;
    }

    /// <summary>
    /// Turns the edges into a graph. Labels are taken as node numbers where that wastes little; where they are sparse (web crawls, account numbers)
    /// they are renumbered in ascending order.
    /// </summary>
    /// <param name="nodes">The number of nodes if the file says it, or null to take it from the labels.</param>
    /// <param name="name">What the graph is called in reports.</param>
    public CsrGraph ToGraph(long? nodes, string name)
    {
        var sources = _sources.AsSpan(0, _count);
        var targets = _targets.AsSpan(0, _count);
        long highest = -1;
        for (var edge = 0; edge < sources.Length; edge++)
            highest = Math.Max(highest, Math.Max(sources[edge], targets[edge]));
        if (nodes is null && highest + 1 > 4L * _count + 1024)
        {
            var labels = new long[2L * _count];
            sources.CopyTo(labels);
            targets.CopyTo(labels.AsSpan(_count));
            Array.Sort(labels);
            labels = Distinct(labels);
            Renumber(sources, labels);
            Renumber(targets, labels);
            return CsrGraph.FromEdges(labels.Length, sources, targets, name);
        }

        return CsrGraph.FromEdges(checked((int)(nodes ?? highest + 1)), sources, targets, name);
    }

    /// <summary>The distinct values of a sorted array, in order.</summary>
    private static long[] Distinct(long[] sorted)
    {
        var kept = 0;
        for (var index = 0; index < sorted.Length; index++)
        {
            if (kept == 0 || sorted[index] != sorted[kept - 1])
                sorted[kept++] = sorted[index];
        }

        return sorted[..kept];
    }

    /// <summary>Replaces each label by its place in the sorted list of labels.</summary>
    private static void Renumber(Span<long> values, long[] labels)
    {
        for (var index = 0; index < values.Length; index++)
            values[index] = Array.BinarySearch(labels, values[index]);
    }
}
