// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>What a program awaits: launches, evictions, the end of a memory.</summary>
public sealed class AsyncTests
{
    private const int Longs = 1 << 18; // 2 MiB.

    [Fact]
    public async Task DisposingWaitsForLaunchesWithoutHoldingTheCaller()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<long> array = memory.Allocate<long>(10);
        using var go = new ManualResetEventSlim();
        Launch launch = memory.Launch(_ => go.Wait(), 1);
        Task closing = memory.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        Assert.Throws<ObjectDisposedException>(() => memory.Allocate<long>(1));
        Assert.Throws<ObjectDisposedException>(() => memory.Launch(_ => { }, 1));
        go.Set();
        await closing.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(launch.IsCompleted);
        Assert.Throws<ObjectDisposedException>(() => array[0]);
        Assert.True(memory.DisposeAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task WaitsRunOnThreadsOfTheirOwnAndEndAsTheyShould()
    {
        Assert.False(await WaitingThreads.Run(() => Thread.CurrentThread.IsThreadPoolThread));
        Assert.True(await WaitingThreads.Run(() => true).ContinueWith(_ => Thread.CurrentThread.IsThreadPoolThread, TaskContinuationOptions.ExecuteSynchronously));
        await Assert.ThrowsAsync<InvalidOperationException>(() => WaitingThreads.Run<bool>(() => throw new InvalidOperationException()));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WaitingThreads.Run<bool>(() => throw new OperationCanceledException()));
    }

    [Fact]
    public async Task AsManyWaitsAsThereAreRunAtOnce()
    {
        using var all = new CountdownEvent(20);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => WaitingThreads.Run(() =>
        {
            all.Signal();
            return all.Wait(TimeSpan.FromSeconds(30)); // Ends only if all of them run.
        }))).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(all.IsSet);
    }

    [Fact]
    public void WaitingForAnEndedLaunchAllocatesNothing()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using Launch launch = memory.Launch(_ => { }, 1);
        launch.Wait();
        Assert.True(launch.WaitAsync().IsCompletedSuccessfully);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Assert.True(launch.WaitAsync().IsCompletedSuccessfully);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task AwaitingAFailedLaunchThrowsAsWaitingDoes()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Launch launch = memory.Launch(_ => throw new FormatException("no"), 1);
        KernelFailedException failed = await Assert.ThrowsAsync<KernelFailedException>(() => launch.WaitAsync().AsTask());
        Assert.IsType<FormatException>(failed.InnerException);
        Assert.True(launch.WaitAsync().IsFaulted);
    }

    [Fact]
    public async Task AwaitingIsPossibleWhileAnotherThreadWaits()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using var go = new ManualResetEventSlim();
        Launch launch = memory.Launch(_ => go.Wait(), 1);
        Task blocked = Task.Factory.StartNew(launch.Wait, TaskCreationOptions.LongRunning);
        SpinWait.SpinUntil(() => !launch.Wait(TimeSpan.Zero) && blocked.Status == TaskStatus.Running);
        Task awaited = launch.WaitAsync().AsTask(); // Returns although the other holds what reads the end.
        using var cancelled = new CancellationTokenSource(20);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => launch.WaitAsync(cancelled.Token).AsTask());
        go.Set();
        await Task.WhenAll(blocked, awaited).WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task EvictingEmptiesTheDeviceAndKeepsEveryByte()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        using SharedArray<long> first = memory.Allocate<long>(Longs);
        using SharedArray<long> second = memory.Allocate<long>(Longs);
        Write(memory, first);
        Write(memory, second);
        Assert.Equal(2 * Longs * sizeof(long), memory.Statistics.DeviceBytesUsed);
        PrefetchResult one = await memory.EvictAsync(first);
        Assert.Equal(Longs * sizeof(long), one.MovedBytes);
        Assert.Equal(Longs * sizeof(long), memory.Statistics.DeviceBytesUsed);
        PrefetchResult rest = await memory.EvictAsync();
        Assert.Equal((2L * Longs * sizeof(long), (long)Longs * sizeof(long)), (rest.RequestedBytes, rest.MovedBytes));
        Assert.Equal(0, memory.Statistics.DeviceBytesUsed);
        for (int i = 0; i < Longs; i += 512)
            Assert.Equal((i, i), (first[i], second[i]));
        memory.CheckInvariants();
    }

    [Fact]
    public async Task EvictingNothingIsDoneAtOnce()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Assert.Equal(default, await memory.EvictAsync());
        using SharedArray<long> array = memory.Allocate<long>(10);
        ValueTask<PrefetchResult> there = memory.EvictAsync(array);
        Assert.Equal(0, (await there).MovedBytes);
    }

    [Fact]
    public async Task AnArrayThatIsDisposedWhileItMovesIsFreedAfterwards()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, deviceBytes: 64 << 20);
        SharedArray<long> array = memory.Allocate<long>(16 * Longs);
        array.Span.Fill(3);
        ValueTask<PrefetchResult> moving = memory.PrefetchAsync(array, MemoryLocation.Device);
        array.Dispose();
        Assert.Equal(16 * Longs * sizeof(long), (await moving).MovedBytes);
        Assert.Equal((0, 0), (memory.Statistics.HeapBytes, memory.Statistics.DeviceBytesUsed));
        memory.CheckInvariants();
    }

    /// <summary>Has the device write each page.</summary>
    private static void Write(SharedMemory memory, SharedArray<long> array) => memory.Run(4, context =>
    {
        (nint start, nint length) = context.Share(array.Length);
        Span<long> block = stackalloc long[512];
        for (nint at = start; at < start + length; at += 512)
        {
            for (int i = 0; i < 512; i++)
                block[i] = at + i;
            context.Write<long>(array, at, block);
        }
    });
}
