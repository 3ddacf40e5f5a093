// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Queues of several devices.</summary>
public sealed class QueueTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void ALaunchWaitsForThoseOfOtherQueues(MemoryKind kind)
    {
        Memories.Open(kind).Dispose(); // Skips where there is none.
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = kind, DeviceCount = 3, DeviceMemoryBytes = 8 << 20, ComputeUnits = 2 });
        using SharedArray<long> array = memory.Allocate<long>(100_000);
        using var go = new ManualResetEventSlim();
        KernelQueue[] queues = [memory.CreateQueue(0), memory.CreateQueue(1), memory.CreateQueue(2)];
        Assert.Equal(2, queues[2].Device);
        using Launch first = queues[0].Launch(context =>
        {
            go.Wait();
            context.AtomicAdd(array, 0, 5);
        }, 1);
        using Launch ended = queues[1].Launch(_ => { }, 1);
        if (kind == MemoryKind.Real)
            ended.Wait(); // Its end has been read: there is nothing left to wait for.
        using Launch last = queues[2].Launch(Double, new DoubleArguments(array), new IndexSpace(1), after: [first, ended]);
        Assert.False(last.Wait(TimeSpan.FromMilliseconds(20)));
        go.Set();
        Assert.True(last.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal(10, array[0]);
        foreach (KernelQueue queue in queues)
            queue.Dispose();
        Assert.Throws<ObjectDisposedException>(() => queues[0].Launch(_ => { }, 1));
        memory.CheckInvariants();
    }

    [Fact]
    public void DevicesOutOfRangeAreRefused()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CreateQueue(-1));
        Assert.Throws<ArgumentException>(() => memory.CreateQueue(1));
        Assert.Contains("1 to 8", Assert.Single(new SharedMemoryOptions { DeviceCount = 9 }.Validate()), StringComparison.Ordinal);
    }

    /// <summary>Doubles the first element.</summary>
    private static void Double(KernelContext context, in DoubleArguments arguments) => context.Store(arguments.Array, 0, 2 * context.Load(arguments.Array, 0));

    private readonly record struct DoubleArguments(SharedArray<long> Array);
}
