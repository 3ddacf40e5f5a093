// SPDX-License-Identifier: MIT
using GpuSvm;

// Two GPUs, a queue on each: both square one half, then the second adds up all, reaching the first one's memory over the link.
const int Count = 1 << 20;
const int Half = Count / 2;
using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceCount = 2, DeviceMemoryBytes = 16 << 20 });
using SharedArray<long> numbers = memory.Allocate<long>(Count);
using SharedArray<long> sum = memory.Allocate<long>(1);
for (int i = 0; i < Count; i++)
    numbers[i] = i;

using KernelQueue first = memory.CreateQueue(device: 0);
using KernelQueue second = memory.CreateQueue(device: 1);
memory.Advise(numbers, 0, Half, new MemoryAdvice { Preferred = PreferredLocation.Device });
memory.Advise(numbers, Half, Half, new MemoryAdvice { Preferred = PreferredLocation.Device + 1 });
using Launch lower = first.Launch(Square, new Work(numbers, 0, sum), new IndexSpace(Half));
using Launch upper = second.Launch(Square, new Work(numbers, Half, sum), new IndexSpace(Half));
using Launch all = second.Launch(AddUp, new Work(numbers, 0, sum), new IndexSpace(Count), after: [lower, upper]);
await all.WaitAsync();
Console.WriteLine($"The squares of 0 to {Count - 1} add up to {sum[0]}");

static void Square(KernelContext context, in Work work)
{
    WorkGroup group = context.Group;
    Span<long> block = stackalloc long[(int)group.Size.X];
    context.Read(work.Numbers, work.Start + group.Start.X, block);
    foreach (ref long number in block)
        number *= number;
    context.Write<long>(work.Numbers, work.Start + group.Start.X, block);
}

static void AddUp(KernelContext context, in Work work)
{
    WorkGroup group = context.Group;
    Span<long> block = stackalloc long[(int)group.Size.X];
    context.Read(work.Numbers, work.Start + group.Start.X, block);
    long part = 0;
    foreach (long number in block)
        part += number;
    context.AtomicAdd(work.Sum, 0, part);
}

/// <summary>What every group is given.</summary>
internal readonly record struct Work(SharedArray<long> Numbers, nint Start, SharedArray<long> Sum);
