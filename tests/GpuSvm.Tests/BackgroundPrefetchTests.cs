// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Prefetches that a .NET program awaits.</summary>
public sealed class BackgroundPrefetchTests
{
    private const int Longs = 1 << 20; // 8 MiB.

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public async Task AnArrayGoesAndComesBackWithEveryByte(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind);
        SharedArray<long> array = memory.Allocate<long>(Longs);
        Fill(array);
        var told = new Told();
        PrefetchResult there = await memory.PrefetchAsync(array, MemoryLocation.Device, told, TestContext.Current.CancellationToken);
        long moved = kind == MemoryKind.Real ? Longs * sizeof(long) : 0; // Between launches a portable memory has no device.
        Assert.Equal(new PrefetchResult(moved, moved, 0, moved, 0), there);
        Assert.Equal(there, told.Last);
        PrefetchResult back = await memory.PrefetchAsync(array, [(0, Longs / 4), (Longs / 2, 0), (Longs / 2, Longs / 4)], MemoryLocation.System, null, TestContext.Current.CancellationToken);
        Assert.Equal(Longs * sizeof(long) / 2, back.MovedBytes + back.AlreadyThereBytes);
        Assert.Equal(0, Wrong(array));
        memory.CheckInvariants();
    }

    [Fact]
    public async Task ACancelledOneIsACancelledTask()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        SharedArray<long> array = memory.Allocate<long>(Longs);
        Fill(array);
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        var parts = new (nint, nint)[20_000];
        Array.Fill(parts, (0, Longs)); // Long enough to be still under way: each of them is looked at.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => memory.PrefetchAsync(array, parts, MemoryLocation.Device, null, source.Token).AsTask());
        Assert.Equal(0, Wrong(array));
        memory.CheckInvariants();
    }

    [Fact]
    public async Task WhatDoesNotFitIsToldAndStays()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, deviceBytes: 4 << 20);
        SharedArray<long> array = memory.Allocate<long>(Longs);
        Fill(array);
        PrefetchResult result = await memory.PrefetchAsync(array, MemoryLocation.Device, null, TestContext.Current.CancellationToken);
        Assert.Equal(Longs * sizeof(long), result.AlreadyThereBytes + result.MovedBytes + result.FailedBytes);
        Assert.Equal(0, Wrong(array));
    }

    [Fact]
    public void ArgumentsAreChecked()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<long> array = memory.Allocate<long>(16);
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = memory.PrefetchAsync(array, (MemoryLocation)2); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = memory.PrefetchAsync(array, [(10, 7)], MemoryLocation.System); });
        Assert.Throws<ArgumentNullException>(() => { _ = memory.PrefetchAsync<long>(null!, MemoryLocation.System); });
    }

    /// <summary>Writes each element's index.</summary>
    private static void Fill(SharedArray<long> array)
    {
        Span<long> span = array.Span;
        for (int i = 0; i < span.Length; i++)
            span[i] = i;
    }

    /// <summary>Counts the elements that do not hold their index.</summary>
    private static int Wrong(SharedArray<long> array)
    {
        int wrong = 0;
        Span<long> span = array.Span;
        for (int i = 0; i < span.Length; i++)
            wrong += span[i] == i ? 0 : 1;
        return wrong;
    }

    /// <summary>Keeps what it is told last, at once: Progress would tell it later.</summary>
    private sealed class Told : IProgress<PrefetchResult>
    {
        /// <summary>The last result.</summary>
        public PrefetchResult Last { get; private set; }

        /// <inheritdoc/>
        public void Report(PrefetchResult value) => Last = value;
    }
}
