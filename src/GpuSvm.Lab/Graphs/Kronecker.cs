// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>
/// Kronecker graphs after the Graph500 recipe: 2^scale nodes, 16 edges drawn per node, each by choosing one quadrant of the adjacency matrix per bit
/// with probabilities 0.57, 0.19, 0.19, 0.05; node numbers are shuffled, so that high degrees do not sit together; every edge goes both ways;
/// self loops and repeated edges are dropped. The same scale and seed give the same graph on every machine and with any number of threads.
/// </summary>
public static class Kronecker
{
    /// <summary>Edges drawn for each node, before both directions and before repeats are dropped.</summary>
    public const int EdgesPerNode = 16;

    /// <summary>The largest scale: both directions of all edges must fit one array.</summary>
    public const int LargestScale = 24;

    /// <summary>Quadrant bounds in 65,536ths: upper left below 0.57, upper right below 0.76, lower left below 0.95.</summary>
    private const int UpperLeft = 37356, UpperRight = 49807, LowerLeft = 62259;

    /// <summary>Makes the graph.</summary>
    /// <param name="scale">The binary logarithm of the number of nodes, 1 to <see cref="LargestScale"/>.</param>
    /// <param name="seed">Any number.</param>
    public static CsrGraph Generate(int scale, ulong seed)
    {
        var nodes = 1 << scale;
        var drawn = nodes * (long)EdgesPerNode;
        var random = new SplitMix(seed);
        var label = new SplitMix(~seed).Permutation(nodes);
        var keys = new ulong[drawn * 2];
        Parallel.For(0, (int)((drawn + 65535) / 65536), block =>
        {
            var end = Math.Min(drawn, (block + 1L) * 65536);
            for (var edge = block * 65536L; edge < end; edge++)
            {
                var (row, column) = Draw(random, edge, scale);
                var (from, to) = ((ulong)label[row], (ulong)label[column]);
                keys[2 * edge] = (from << 32) | to;
                keys[(2 * edge) + 1] = (to << 32) | from;
            }
        });
        Array.Sort(keys);
        var kept = 0;
        for (var index = 0; index < keys.Length; index++)
        {
            var key = keys[index];
            if (key >> 32 != (key & uint.MaxValue) && (kept == 0 || keys[kept - 1] != key))
                keys[kept++] = key;
        }

        return CsrGraph.FromSortedKeys(nodes, keys.AsSpan(0, kept), $"Kronecker scale {scale}");
    }

    /// <summary>Draws edge number <paramref name="edge"/>: one quadrant per bit, 16 random bits for each.</summary>
    private static (int Row, int Column) Draw(SplitMix random, long edge, int scale)
    {
        var row = 0;
        var column = 0;
        ulong bits = 0;
        for (var level = 0; level < scale; level++)
        {
            if (level % 4 == 0)
                bits = random.At(((ulong)edge * 8) + (ulong)(level / 4));
            var draw = (int)(bits & 0xffff);
            bits >>= 16;
            row = (row << 1) | (draw >= UpperRight ? 1 : 0);
            column = (column << 1) | (draw is >= UpperLeft and < UpperRight or >= LowerLeft ? 1 : 0);
        }

        return (row, column);
    }
}
