// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>2DCONV of PolyBench: each element of b from three times three of a.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Convolution(WorkloadOptions options) : SquareWorkload(options, 2)
{
    /// <inheritdoc/>
    public override string Description => $"2-D convolution, {Shape()}, {Iterations} passes";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray a = program.Allocate("A", ArrayBytes), b = program.Allocate("B", ArrayBytes);
        for (int pass = 0; pass < Iterations; pass++)
        {
            program.BeginKernel("convolution2D");
            ForEachLine(at =>
            {
                for (long row = at - RowBytes; row <= at + RowBytes; row += RowBytes)
                    program.Read(a, row - 4, ProgramTrace.LineBytes + 8);
                program.Write(b, at);
            });
            program.EndKernel();
        }

        program.Free();
    }
}
