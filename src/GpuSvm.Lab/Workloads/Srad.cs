// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>srad of Rodinia: speckles in an image are smoothed; one kernel writes four derivatives and a coefficient for each element, the next one uses them.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Srad(WorkloadOptions options) : SquareWorkload(options, 6)
{
    /// <inheritdoc/>
    public override string Description => $"srad, {Shape()}, {Iterations} iterations";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray image = program.Allocate("J", ArrayBytes), coefficient = program.Allocate("C", ArrayBytes, fill: false);
        WorkloadArray[] derivatives = [.. "EWNS".Select(name => program.Allocate($"{name}", ArrayBytes, fill: false))];
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            program.BeginKernel("srad_1");
            ForEachLine(at =>
            {
                ReadCross(program, image, at);
                foreach (WorkloadArray derivative in derivatives)
                    program.Write(derivative, at);
                program.Write(coefficient, at);
            });
            program.EndKernel();
            program.BeginKernel("srad_2");
            ForEachLine(at =>
            {
                program.Read(coefficient, at, ProgramTrace.LineBytes + 4);
                program.Read(coefficient, at + RowBytes);
                foreach (WorkloadArray derivative in derivatives)
                    program.Read(derivative, at);
                program.Read(image, at);
                program.Write(image, at);
            });
            program.EndKernel();
        }

        program.ByCpu(image, Core.Device.MemoryAccess.Read);
        program.Free();
    }
}
