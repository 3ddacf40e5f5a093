// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>A radix sort of random keys in four passes: a kernel counts the digits of a byte, the next one writes each key behind the last one of its digit, at 256 places that move on.</summary>
/// <param name="options">How large it is to be.</param>
/// <remarks>Keys drawn evenly have digits drawn evenly in every pass, so each pass draws its own instead of keeping keys.</remarks>
internal sealed class RadixSort(WorkloadOptions options) : IWorkload
{
    private const int Digits = 256;
    private const int KeyBytes = 4;
    private const int Passes = 4;

    private readonly long _keys = Math.Max(ProgramTrace.LineBytes, options.Bytes / 2 / ProgramTrace.LineBytes * (ProgramTrace.LineBytes / KeyBytes));

    /// <inheritdoc/>
    public string Description => $"radix sort of {_keys} random keys of 4 bytes, {options.Iterations} times";

    /// <inheritdoc/>
    public long FootprintBytes => (2 * _keys * KeyBytes) + (Digits * KeyBytes);

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray from = program.Allocate("keys", _keys * KeyBytes), to = program.Allocate("sorted", _keys * KeyBytes, fill: false), counts = program.Allocate("counts", Digits * KeyBytes);
        for (int pass = 0; pass < Passes * options.Iterations; pass++)
        {
            var random = new SplitMix(options.Seed + (ulong)pass);
            var places = new long[Digits + 1];
            program.BeginKernel("histogram");
            for (long key = 0; key < _keys; key++)
            {
                if (key % (ProgramTrace.LineBytes / KeyBytes) == 0)
                    program.Read(from, key * KeyBytes);
                places[DigitOf(random, key) + 1]++;
            }

            for (int digit = 0; digit < Digits; digit++)
            {
                program.Atomic(counts, digit * KeyBytes, KeyBytes);
                places[digit + 1] += places[digit];
            }

            program.EndKernel();
            program.BeginKernel("scatter");
            for (long key = 0; key < _keys; key++)
            {
                if (key % (ProgramTrace.LineBytes / KeyBytes) == 0)
                    program.Read(from, key * KeyBytes);
                program.Write(to, places[DigitOf(random, key)]++ * KeyBytes, KeyBytes);
            }

            program.EndKernel();
            (from, to) = (to, from);
        }

        program.ByCpu(from, Core.Device.MemoryAccess.Read);
        program.Free();
    }

    /// <summary>A key's digit in a pass.</summary>
    /// <param name="random">The pass's numbers.</param>
    /// <param name="key">The key's place.</param>
    /// <returns>0 to 255.</returns>
    private static int DigitOf(SplitMix random, long key) => (int)random.Below((ulong)key, Digits);
}
