// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>
/// atax of PolyBench: y = A'(A x). In the first kernel a lane has a row, so that the lanes of a group read 32 rows at once, a sector of each; in the second a lane has a column, and they read one row together.
/// </summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Atax(WorkloadOptions options) : SquareWorkload(options, 1, vectors: 3)
{
    private const int Lanes = 32;

    /// <inheritdoc/>
    public override string Description => $"atax, a matrix of {Side} x {Side}, {Iterations} times";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray matrix = program.Allocate("A", ArrayBytes), x = program.Allocate("x", RowBytes);
        WorkloadArray product = program.Allocate("tmp", RowBytes, fill: false), y = program.Allocate("y", RowBytes);
        for (int time = 0; time < Iterations; time++)
        {
            program.BeginKernel("atax_kernel1");
            for (long rows = 0; rows < Side; rows += Lanes)
            {
                for (long at = 0; at < RowBytes; at += ProgramTrace.SectorBytes)
                {
                    program.Read(x, at, ProgramTrace.SectorBytes);
                    for (long row = rows; row < rows + Lanes; row++)
                        program.Read(matrix, (row * RowBytes) + at, ProgramTrace.SectorBytes);
                }

                program.Write(product, rows * 4);
            }

            program.EndKernel();
            program.BeginKernel("atax_kernel2");
            for (long columns = 0; columns < RowBytes; columns += ProgramTrace.LineBytes)
            {
                for (long row = 0; row < Side; row++)
                {
                    program.Read(matrix, (row * RowBytes) + columns);
                    if (row % Lanes == 0)
                        program.Read(product, row * 4);
                }

                program.Write(y, columns);
            }

            program.EndKernel();
        }

        program.ByCpu(y, Core.Device.MemoryAccess.Read);
        program.Free();
    }
}
