// SPDX-License-Identifier: MIT
using GpuSvm;

// A device of 64 MiB, and 160 MB of data: what does not fit is evicted and comes back by itself.
using var memory = SharedMemory.Create(new SharedMemoryOptions { DeviceMemoryBytes = 64 << 20 });
using SharedArray<long> numbers = memory.Allocate<long>(20_000_000);

for (nint i = 0; i < numbers.Length; i++)
    numbers[i] = i; // The CPU writes through plain references.

const int Block = 4096; // Elements that one group works on.
nint groups = (numbers.Length + Block - 1) / Block;
using Launch launch = memory.Launch(context =>
{
    nint start = context.GroupIndex * Block;
    Span<long> block = stackalloc long[(int)Math.Min(Block, numbers.Length - start)];
    context.Read(numbers, start, block); // The GPU faults on the same addresses; pages move to it.
    for (int i = 0; i < block.Length; i++)
        block[i] *= block[i];
    context.Write<long>(numbers, start, block);
}, groups);
launch.Wait();

Console.WriteLine($"1234567 squared is {numbers[1_234_567]}"); // The CPU touches it, and the page comes home.
Console.WriteLine($"{memory.Statistics.BytesToDevice >> 20} MiB went to the device, {memory.Statistics.Evictions} blocks were evicted");
