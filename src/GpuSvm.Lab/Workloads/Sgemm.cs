// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>Dense multiplication, C = A B, tile by tile: for each tile of C a group goes along a row of tiles of A and down a column of tiles of B.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Sgemm(WorkloadOptions options) : SquareWorkload(options, 3)
{
    private const int Tile = 32; // A line wide.

    /// <inheritdoc/>
    public override string Description => $"sgemm, {Shape()} in tiles of {Tile}, {Iterations} times";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray a = program.Allocate("A", ArrayBytes), b = program.Allocate("B", ArrayBytes), c = program.Allocate("C", ArrayBytes, fill: false);
        long tiles = Side / Tile;
        for (int time = 0; time < Iterations; time++)
        {
            program.BeginKernel("sgemm");
            for (long row = 0; row < tiles; row++)
            {
                for (long column = 0; column < tiles; column++)
                {
                    for (long along = 0; along < tiles; along++)
                    {
                        ForEachRow(row, along, at => program.Read(a, at));
                        ForEachRow(along, column, at => program.Read(b, at));
                    }

                    ForEachRow(row, column, at => program.Write(c, at));
                }
            }

            program.EndKernel();
        }

        program.ByCpu(c, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>Does something for each row of a tile, which is a line.</summary>
    /// <param name="row">The tile's row.</param>
    /// <param name="column">The tile's column.</param>
    /// <param name="line">Gets the line's offset.</param>
    private void ForEachRow(long row, long column, Action<long> line)
    {
        for (int i = 0; i < Tile; i++)
            line((((row * Tile) + i) * RowBytes) + (column * ProgramTrace.LineBytes));
    }
}
