// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>a = b + s c, again and again: three streams in step.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Triad(WorkloadOptions options) : SquareWorkload(options, 3)
{
    /// <inheritdoc/>
    public override string Description => $"streaming triad, {Shape()}, {Iterations} passes";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray a = program.Allocate("a", ArrayBytes), b = program.Allocate("b", ArrayBytes), c = program.Allocate("c", ArrayBytes);
        for (int pass = 0; pass < Iterations; pass++)
        {
            program.BeginKernel("triad");
            ForEachLine(at =>
            {
                program.Read(b, at);
                program.Read(c, at);
                program.Write(a, at);
            });
            program.EndKernel();
        }

        program.Free();
    }
}
