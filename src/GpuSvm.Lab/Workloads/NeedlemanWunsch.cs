// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>nw of Rodinia: two sequences are aligned in a matrix that is filled block by block of 16 x 16 along its diagonals, one kernel a diagonal.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class NeedlemanWunsch(WorkloadOptions options) : IWorkload
{
    private const int Block = 16;

    private readonly long _blocks = Math.Max(2, (long)Math.Sqrt(options.Bytes / 8) / Block);

    /// <inheritdoc/>
    public string Description => $"nw, 2 arrays of {Side} x {Side}, {options.Iterations} times";

    /// <inheritdoc/>
    public long FootprintBytes => 2 * Side * RowBytes;

    /// <summary>Rows and columns, with the border.</summary>
    private long Side => (_blocks * Block) + 1;

    /// <summary>Bytes in a row.</summary>
    private long RowBytes => Side * 4;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray scores = program.Allocate("itemsets", Side * RowBytes), reference = program.Allocate("reference", Side * RowBytes);
        for (int time = 0; time < options.Iterations; time++)
        {
            for (long diagonal = 0; diagonal < (2 * _blocks) - 1; diagonal++)
            {
                program.BeginKernel(diagonal < _blocks ? "needle_1" : "needle_2");
                for (long row = Math.Max(0, diagonal - _blocks + 1); row <= Math.Min(diagonal, _blocks - 1); row++)
                    Fill(program, scores, reference, row, diagonal - row);
                program.EndKernel();
            }
        }

        program.ByCpu(scores, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>Fills a block: from its border above and to the left, and the same block of the reference.</summary>
    /// <param name="program">The program.</param>
    /// <param name="scores">What is filled.</param>
    /// <param name="reference">What is compared.</param>
    /// <param name="row">The block's row.</param>
    /// <param name="column">The block's column.</param>
    private void Fill(ProgramTrace program, WorkloadArray scores, WorkloadArray reference, long row, long column)
    {
        long corner = (row * Block * RowBytes) + (column * Block * 4);
        program.Read(scores, corner, (Block + 1) * 4);
        for (int line = 1; line <= Block; line++)
        {
            program.Read(reference, corner + (line * RowBytes) + 4, Block * 4);
            program.Read(scores, corner + (line * RowBytes), 4);
        }

        for (int line = 1; line <= Block; line++)
            program.Write(scores, corner + (line * RowBytes) + 4, Block * 4);
    }
}
