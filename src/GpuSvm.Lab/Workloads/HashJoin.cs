// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>A hash join: rows of a small table are put into a hash table at random places, rows of one four times as long look theirs up there, and what matches is written out in order.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class HashJoin(WorkloadOptions options) : IWorkload
{
    private const int RowBytes = 16; // A key and a value.
    private const int RowsOfLine = ProgramTrace.LineBytes / RowBytes;
    private const int Parts = 1 + 2 + 4 + 4; // The small table, the hash table, the long table, what comes out.

    private readonly long _rows = Math.Max(RowsOfLine, options.Bytes / Parts / RowBytes / RowsOfLine * RowsOfLine);

    /// <inheritdoc/>
    public string Description => $"hash join of {_rows} with {4 * _rows} rows, {options.Iterations} times";

    /// <inheritdoc/>
    public long FootprintBytes => Parts * _rows * RowBytes;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray build = program.Allocate("build", _rows * RowBytes), probe = program.Allocate("probe", 4 * _rows * RowBytes);
        WorkloadArray table = program.Allocate("table", 2 * _rows * RowBytes), output = program.Allocate("output", 4 * _rows * RowBytes, fill: false);
        for (int time = 0; time < options.Iterations; time++)
        {
            var places = new SplitMix(options.Seed + (ulong)time);
            program.BeginKernel("build");
            for (long row = 0; row < _rows; row++)
            {
                if (row % RowsOfLine == 0)
                    program.Read(build, row * RowBytes);
                program.Atomic(table, places.Below((ulong)row, 2 * _rows) * RowBytes, RowBytes);
            }

            program.EndKernel();
            program.BeginKernel("probe");
            for (long row = 0; row < 4 * _rows; row++)
            {
                if (row % RowsOfLine == 0)
                    program.Read(probe, row * RowBytes);
                program.Read(table, places.Below((ulong)(row % _rows), 2 * _rows) * RowBytes, RowBytes);
                if (row % RowsOfLine == RowsOfLine - 1)
                    program.Write(output, (row - RowsOfLine + 1) * RowBytes);
            }

            program.EndKernel();
        }

        program.ByCpu(output, Core.Device.MemoryAccess.Read);
        program.Free();
    }
}
