// SPDX-License-Identifier: MIT
using GpuSvm;

// Data eight times as large as the device, worked through in pieces: while a kernel works on one, the next is on its way.
const nint Piece = 1 << 19; // Elements: 4 MiB.
const int Pieces = 32;
using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = 16 << 20, KeepFreeBytes = 4 << 20 });
using SharedArray<double> data = memory.Allocate<double>(Pieces * Piece);
for (nint i = 0; i < data.Length; i++)
    data[i] = i;

await memory.PrefetchAsync(data, [(0, Piece)], MemoryLocation.Device);
for (int piece = 0; piece < Pieces; piece++)
{
    using Launch launch = memory.Launch(Work, new WorkArguments(data, piece * Piece, Factor: 0.5), new IndexSpace(Piece));
    if (piece + 1 < Pieces)
        await memory.PrefetchAsync(data, [((piece + 1) * Piece, Piece)], MemoryLocation.Device);
    await launch.WaitAsync();
}

PrefetchResult home = await memory.EvictAsync(); // Or leave it to the touches below.
double sum = 0;
for (nint i = 0; i < data.Length; i++)
    sum += data[i];
SvmStatistics statistics = memory.Statistics;
Console.WriteLine($"The sum is {sum}, it should be {0.5 * data.Length * (data.Length - 1) / 2}");
Console.WriteLine($"{data.LengthInBytes >> 20} MiB of data, {statistics.DeviceBytesTotal >> 20} MiB of device memory ({memory.Kind.ToString().ToLowerInvariant()} memory)");
Console.WriteLine($"{statistics.BytesToDevice >> 20} MiB went there and {statistics.BytesToRam >> 20} MiB came back, {home.MovedBytes >> 20} MiB of it in the end");

static void Work(KernelContext context, in WorkArguments arguments)
{
    WorkGroup group = context.Group;
    Span<double> block = stackalloc double[(int)group.Size.X];
    context.Read(arguments.Data, arguments.Start + group.Start.X, block);
    foreach (ref double value in block)
        value *= arguments.Factor;
    context.Write<double>(arguments.Data, arguments.Start + group.Start.X, block);
}

/// <summary>What every group is given.</summary>
internal readonly record struct WorkArguments(SharedArray<double> Data, nint Start, double Factor);
