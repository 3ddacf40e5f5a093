// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>backprop of Rodinia: a layer of many inputs and 16 hidden units; one kernel multiplies, the CPU adds up, the other kernel changes the weights.</summary>
/// <param name="options">How large it is to be.</param>
internal sealed class Backprop(WorkloadOptions options) : IWorkload
{
    private const int Hidden = 16;
    private const int WeightBytes = (Hidden + 1) * 4; // Of one input, with the bias.

    private readonly long _inputs = Math.Max(Hidden, options.Bytes / ((3 * WeightBytes) + 4) / Hidden * Hidden);

    /// <inheritdoc/>
    public string Description => $"backprop, {_inputs} inputs, {Hidden} hidden units, {options.Iterations} rounds";

    /// <inheritdoc/>
    public long FootprintBytes => _inputs * ((2 * WeightBytes) + 4 + (PartialBytes / Hidden));

    /// <summary>Bytes that a block of 16 inputs writes as partial sums.</summary>
    private static int PartialBytes => Hidden * 4;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray input = program.Allocate("input", _inputs * 4);
        WorkloadArray weights = program.Allocate("input_weights", _inputs * WeightBytes), old = program.Allocate("input_prev_weights", _inputs * WeightBytes);
        WorkloadArray partial = program.Allocate("hidden_partial_sum", _inputs / Hidden * PartialBytes, fill: false);
        for (int round = 0; round < options.Iterations; round++)
        {
            program.BeginKernel("bpnn_layerforward");
            ForEachBlock((block, first) =>
            {
                program.Read(input, first * 4, Hidden * 4);
                Walk(first, at => program.Read(weights, at));
                program.Write(partial, block * PartialBytes, PartialBytes);
            });
            program.EndKernel();
            program.ByCpu(partial, Core.Device.MemoryAccess.Read);
            program.BeginKernel("bpnn_adjust_weights");
            ForEachBlock((_, first) =>
            {
                program.Read(input, first * 4, Hidden * 4);
                Walk(first, at =>
                {
                    program.Read(old, at);
                    program.Read(weights, at);
                    program.Write(weights, at);
                    program.Write(old, at);
                });
            });
            program.EndKernel();
        }

        program.ByCpu(weights, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>Does something for each block of 16 inputs.</summary>
    /// <param name="block">Gets its number and its first input.</param>
    private void ForEachBlock(Action<long, long> block)
    {
        for (long first = 0; first < _inputs; first += Hidden)
            block(first / Hidden, first);
    }

    /// <summary>Goes through the weights of 16 inputs, line by line.</summary>
    /// <param name="first">The first input.</param>
    /// <param name="line">Gets the line's offset.</param>
    private static void Walk(long first, Action<long> line)
    {
        long end = (first + Hidden) * WeightBytes;
        for (long at = first * WeightBytes; at < end; at += ProgramTrace.LineBytes)
            line(at);
    }
}
