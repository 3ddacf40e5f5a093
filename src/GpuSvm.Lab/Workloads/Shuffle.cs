// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>Every page of an array once, in an order of chance: what no prefetcher can guess, but one that looks at density can use.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Shuffle(WorkloadOptions options) : IWorkload
{
    private readonly int _pages = (int)PageSize.PagesFor(options.Bytes);

    /// <inheritdoc/>
    public string Description => $"{_pages} pages once each in an order of chance, {options.Iterations} times";

    /// <inheritdoc/>
    public long FootprintBytes => (long)_pages << PageSize.Shift;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray array = program.Allocate("array", FootprintBytes);
        for (int round = 0; round < options.Iterations; round++)
        {
            program.BeginKernel("gather");
            foreach (int page in new SplitMix(options.Seed + (ulong)round).Permutation(_pages))
                program.Read(array, (long)page << PageSize.Shift);
            program.EndKernel();
        }

        program.Free();
    }
}
