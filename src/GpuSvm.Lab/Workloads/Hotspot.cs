// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>hotspot of Rodinia: the temperature of a chip, from itself and its four neighbours and the power spent there. Two arrays of temperatures change places.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Hotspot(WorkloadOptions options) : SquareWorkload(options, 3)
{
    /// <inheritdoc/>
    public override string Description => $"hotspot, {Shape()}, {Iterations} time steps";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray power = program.Allocate("power", ArrayBytes), from = program.Allocate("temp", ArrayBytes), to = program.Allocate("result", ArrayBytes);
        for (int step = 0; step < Iterations; step++)
        {
            program.BeginKernel("calculate_temp");
            ForEachLine(at =>
            {
                ReadCross(program, from, at);
                program.Read(power, at);
                program.Write(to, at);
            });
            program.EndKernel();
            (from, to) = (to, from);
        }

        program.ByCpu(from, Core.Device.MemoryAccess.Read);
        program.Free();
    }
}
