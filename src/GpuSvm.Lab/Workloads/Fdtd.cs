// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>fdtd-2d of PolyBench: fields in time steps of three kernels, each of which updates one array from its neighbours in another.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Fdtd(WorkloadOptions options) : SquareWorkload(options, 3)
{
    /// <inheritdoc/>
    public override string Description => $"fdtd-2d, {Shape()}, {Iterations} time steps";

    /// <inheritdoc/>
    public override void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray ex = program.Allocate("ex", ArrayBytes), ey = program.Allocate("ey", ArrayBytes), hz = program.Allocate("hz", ArrayBytes);
        for (int step = 0; step < Iterations; step++)
        {
            Update(program, "fdtd_step1", ey, at => program.Read(hz, at - RowBytes, ProgramTrace.LineBytes), hz);
            Update(program, "fdtd_step2", ex, at => program.Read(hz, at - 4, 4), hz);
            Update(program, "fdtd_step3", hz, at => program.Read(ey, at + RowBytes, ProgramTrace.LineBytes), ex, ey);
        }

        program.ByCpu(hz, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>One kernel: an array from itself, from others at the same place, and from one neighbour.</summary>
    /// <param name="program">The program.</param>
    /// <param name="name">The kernel's name.</param>
    /// <param name="updated">What is updated.</param>
    /// <param name="neighbour">Reads the neighbour of a line.</param>
    /// <param name="read">What else is read.</param>
    private void Update(ProgramTrace program, string name, WorkloadArray updated, Action<long> neighbour, params WorkloadArray[] read)
    {
        program.BeginKernel(name);
        ForEachLine(at =>
        {
            foreach (WorkloadArray array in read)
                program.Read(array, at);
            neighbour(at);
            program.Read(updated, at);
            program.Write(updated, at);
        });
        program.EndKernel();
    }
}
