// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Graphs;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>Where the graph workloads take their graph from: the user's file, a Kronecker graph by scale or by size, or the packaged one.</summary>
internal static class GraphInput
{
    /// <summary>
    /// Bytes per node of a Kronecker graph in shared memory, taken for estimates: 16 edges both ways, less repeats, and the node's own arrays.
    /// </summary>
    private const long BytesPerNode = (2 * Kronecker.EdgesPerNode * sizeof(int)) + 20;

    /// <summary>About how many bytes the graph will take; 0 if only the file tells.</summary>
    /// <param name="settings">What the user asked for.</param>
    /// <exception cref="InputException">Two sources at once, or a scale out of range.</exception>
    public static long EstimateBytes(WorkloadSettings settings)
    {
        if (settings.GraphPath is not null && settings.Scale is not null)
            throw new InputException("--graph and --scale exclude each other: give a file or a Kronecker scale");
        if (settings.SizeBytes is not null && (settings.GraphPath is not null || settings.Scale is not null))
            throw new InputException("--size: the graph's size is given by --graph or --scale already; leave one of them out");
        return ScaleOf(settings) is { } scale ? BytesPerNode << scale : 0;
    }

    /// <summary>Reads or makes the graph.</summary>
    /// <param name="settings">What the user asked for.</param>
    /// <param name="progress">Told what goes on.</param>
    public static CsrGraph Load(WorkloadSettings settings, Progress progress)
    {
        if (ScaleOf(settings) is { } scale)
        {
            progress.Stage($"making a Kronecker graph of scale {scale}");
            return Kronecker.Generate(scale, settings.Seed);
        }

        var path = settings.GraphPath ?? SampleGraph.Find();
        progress.Stage($"reading {Path.GetFileName(path)}");
        return GraphFile.Read(path);
    }

    /// <summary>The graph in a few words.</summary>
    /// <param name="graph">Any graph.</param>
    public static string Describe(CsrGraph graph) => $"{graph.Name}: {graph.Nodes:N0} nodes, {graph.Edges:N0} edges";

    /// <summary>The Kronecker scale that --scale or --size ask for, or null.</summary>
    private static int? ScaleOf(WorkloadSettings settings)
    {
        if (settings.Scale is { } scale)
        {
            return scale is >= 1 and <= Kronecker.LargestScale
                ? scale
                : throw new InputException($"--scale {scale}: out of range; use 1 to {Kronecker.LargestScale} (2^scale nodes)");
        }

        if (settings.SizeBytes is not { } size)
            return null;
        var nearest = (int)Math.Round(Math.Log2(Math.Max(2.0, (double)size / BytesPerNode)));
        return nearest <= Kronecker.LargestScale
            ? nearest
            : throw new InputException($"--size {size}: no graph that large can be made; the largest is --scale {Kronecker.LargestScale}");
    }
}
