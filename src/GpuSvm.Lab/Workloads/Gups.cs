// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>Random access of the HPC Challenge: words of a table are changed at random; as many updates a round as the table has lines.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Gups(WorkloadOptions options) : IWorkload
{
    private const int WordBytes = 8;

    /// <inheritdoc/>
    public string Description => $"random updates of a table of {options.Bytes >> 10} KiB, {UpdatesOfRound} in each of {options.Iterations} rounds";

    /// <inheritdoc/>
    public long FootprintBytes => options.Bytes;

    /// <summary>Updates in a round.</summary>
    private long UpdatesOfRound => options.Bytes / ProgramTrace.LineBytes;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        var random = new SplitMix(options.Seed);
        WorkloadArray table = program.Allocate("table", options.Bytes);
        ulong update = 0;
        for (int round = 0; round < options.Iterations; round++)
        {
            program.BeginKernel("update");
            for (long left = UpdatesOfRound; left > 0; left--)
                program.Atomic(table, random.Below(update++, options.Bytes / WordBytes) * WordBytes, WordBytes);
            program.EndKernel();
        }

        program.Free();
    }
}
