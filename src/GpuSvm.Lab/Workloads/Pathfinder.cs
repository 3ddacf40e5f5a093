// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>pathfinder of Rodinia: the cheapest way down a grid. A kernel takes 20 rows; each group of lanes a strip of them, which it reads row by row.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Pathfinder(WorkloadOptions options) : IWorkload
{
    private const int RowsAtOnce = 20; // Of the original's "pyramid height".
    private const int Rows = 100;
    private const int StripBytes = 1024; // 256 lanes.

    private readonly long _rowBytes = Math.Max(StripBytes, options.Bytes / (Rows + 2) / StripBytes * StripBytes);

    /// <inheritdoc/>
    public string Description => $"pathfinder, {Rows} rows of {_rowBytes / 4}, {options.Iterations} times";

    /// <inheritdoc/>
    public long FootprintBytes => _rowBytes * (Rows + 2);

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray wall = program.Allocate("wall", _rowBytes * Rows), from = program.Allocate("src", _rowBytes), to = program.Allocate("dst", _rowBytes, fill: false);
        for (int time = 0; time < options.Iterations; time++)
        {
            for (int row = 0; row < Rows; row += RowsAtOnce)
            {
                program.BeginKernel("dynproc_kernel");
                for (long strip = 0; strip < _rowBytes; strip += StripBytes)
                {
                    Lines(strip, at => program.Read(from, at));
                    for (int below = row; below < row + RowsAtOnce; below++)
                    {
                        long start = below * _rowBytes;
                        Lines(strip, at => program.Read(wall, start + at));
                    }

                    Lines(strip, at => program.Write(to, at));
                }

                program.EndKernel();
                (from, to) = (to, from);
            }
        }

        program.ByCpu(from, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>Does something for each line of a strip.</summary>
    /// <param name="strip">The strip's offset in its row.</param>
    /// <param name="line">Gets the line's offset.</param>
    private static void Lines(long strip, Action<long> line)
    {
        for (long at = strip; at < strip + StripBytes; at += ProgramTrace.LineBytes)
            line(at);
    }
}
