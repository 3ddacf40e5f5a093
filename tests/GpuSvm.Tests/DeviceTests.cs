// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>What can be asked of a device without a kernel.</summary>
public sealed class DeviceTests
{
    private const int PageBytes = 4096;
    private const int PageLongs = PageBytes / sizeof(long);

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void DevicesReadAndWriteThroughTheirPageTables(MemoryKind kind)
    {
        using SharedMemory memory = Open(kind);
        using SharedArray<long> array = memory.Allocate<long>(1 << 18);
        long[] sent = [.. Enumerable.Range(0, 70_001).Select(i => 3L * i)];
        memory.DeviceWrite<long>(array, 17, sent, device: 1);
        long[] back = new long[sent.Length];
        memory.DeviceRead(array, 17, back.AsSpan());
        Assert.Equal(sent, back);
        Assert.Equal(sent, array.Slice(17, sent.Length).ToArray());
        memory.DeviceRead(array, 17, array.Slice(100_000, 50), device: 1); // The buffer is shared memory itself.
        Assert.Equal(sent[..50], array.Slice(100_000, 50).ToArray());
        memory.DeviceWrite<long>(array.Address + 5, [0x1122334455667788]); // Any alignment.
        Assert.Equal(0x1122334455667788, MemoryMarshal.Read<long>(MemoryMarshal.AsBytes(array.Slice(0, 2))[5..]));
        memory.DeviceRead(array, 0, Span<long>.Empty);
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void WhatADeviceCannotReachFailsAtItsAddress(MemoryKind kind)
    {
        using SharedMemory memory = Open(kind);
        using SharedArray<long> array = memory.Allocate<long>(PageLongs);
        long[] block = new long[PageLongs + 1];
        array.Span.Fill(4);
        nint end = array.Address + PageBytes;
        KernelAccessException failed = Assert.Throws<KernelAccessException>(() => memory.DeviceRead(array.Address, block.AsSpan()));
        Assert.Equal((end, KernelAccess.Read, StatusCode.NotMapped), (failed.Address, failed.Access, failed.Status));
        Assert.Equal((-1, 0), (block.AsSpan(0, PageLongs).IndexOfAnyExcept(4), block[PageLongs])); // What lies before it came.
        failed = Assert.Throws<KernelAccessException>(() => memory.DeviceWrite<long>(array.Address, block, device: 1));
        Assert.Equal((end, KernelAccess.Write), (failed.Address, failed.Access));
        Assert.Contains("4096 of 4104 bytes", failed.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.DeviceRead(array, 0, block.AsSpan())); // The array knows its length.
    }

    [Fact]
    public void AQueryTellsWherePagesAre()
    {
        using SharedMemory memory = Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(16 * PageLongs);
        Assert.Equal([(PagePlace.Nowhere, -1, 16)], Places(memory.Query(array)));
        array.Span.Fill(1);
        Assert.Equal([(PagePlace.Ram, -1, 16)], Places(memory.Query(array)));

        memory.Prefetch(array, 4 * PageLongs, PageLongs, MemoryLocations.OfDevice(1));
        PageRun[] runs = memory.Query(array, device: 1);
        Assert.Contains((PagePlace.Device, 1, 1), Places(runs));
        Assert.Equal(16 * PageBytes, runs.Sum(run => run.Bytes));
        Assert.Equal(array.Address, runs[0].Address);
        Assert.Equal(0, memory.Prefetch(array, 4 * PageLongs, PageLongs, MemoryLocations.OfDevice(1)));
        memory.DeviceWrite<long>(array, 4 * PageLongs, [2], device: 1);
        PageRun there = memory.Query(array, device: 1).Single(run => run.Place == PagePlace.Device);
        Assert.Equal((array.Address + (4 * PageBytes), true, PageBytes), (there.Address, there.IsWritable, there.EntryBytes));

        Assert.Equal(PagePlace.Unmapped, memory.Query(1 << 16, 3 * PageBytes).Single().Place);
        Assert.Empty(memory.Query(array.Address, 0));
        Assert.Equal(2, array[4 * PageLongs]); // Home again.
        Assert.DoesNotContain(memory.Query(array), run => run.Place == PagePlace.Device);
    }

    [Fact]
    public void AQueryOfMoreRunsThanItHasRoomForAsksAgain()
    {
        using SharedMemory memory = Open(MemoryKind.Real, chunkBytes: PageBytes);
        using SharedArray<long> array = memory.Allocate<long>(200 * PageLongs);
        array.Span.Fill(1);
        for (int page = 0; page < 200; page += 2)
            Assert.Equal(PageBytes, memory.Prefetch(array, page * PageLongs, PageLongs, MemoryLocation.Device));
        PageRun[] runs = memory.Query(array);
        Assert.Equal(200, runs.Length);
        Assert.Equal(100, runs.Count(run => run.Place == PagePlace.Device && run.Bytes == PageBytes));
    }

    [Fact]
    public void ExclusivePagesAreTheDevicesUntilTheCpuTouchesThem()
    {
        using SharedMemory memory = Open(MemoryKind.Real, migrate: false);
        using SharedArray<long> array = memory.Allocate<long>(8 * PageLongs);
        array.Span.Fill(10);
        Assert.Equal(2 * PageBytes, memory.MakeExclusive(array, PageLongs, PageLongs + 1));
        Assert.Equal([(PagePlace.Ram, -1, 1), (PagePlace.Exclusive, -1, 2), (PagePlace.Ram, -1, 5)], Places(memory.Query(array)));
        memory.Run(4, context => context.AtomicAdd(array, PageLongs, 1));
        Assert.Equal(14, array[PageLongs]); // A CPU touch takes it back.
        Assert.Equal(PagePlace.Ram, memory.Query(array.Address + PageBytes, 1).Single().Place);
        using SharedMemory portable = Open(MemoryKind.Portable);
        using SharedArray<long> other = portable.Allocate<long>(8);
        Assert.Equal(StatusCode.NotSupported, Assert.Throws<SharedMemoryException>(() => portable.MakeExclusive(other, 0, 8)).Status);
    }

    [Fact]
    public void EachDeviceIsSentPagesAndGivesThemBack()
    {
        using SharedMemory memory = Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(3 << 18);
        array.Span.Fill(5);
        const int Block = 2 << 20;
        for (int device = 0; device < 2; device++)
            Assert.Equal(Block, memory.Prefetch(array, device << 18, 1 << 18, MemoryLocations.OfDevice(device)));
        DeviceStatistics first = memory.StatisticsOf(0);
        DeviceStatistics second = memory.StatisticsOf(1);
        Assert.Equal((Block, Block, 8L << 20, 2), (first.BytesToDevice, first.UsedBytes, first.MemoryBytes, first.ComputeUnits));
        Assert.Equal((Block, Block), (second.BytesToDevice, second.UsedBytes));
        Assert.Contains("8192 KiB", second.Name, StringComparison.Ordinal);
        Assert.Equal(memory.Statistics.BytesToDevice, first.BytesToDevice + second.BytesToDevice);

        Assert.Equal(0, memory.Evict(array, device: 0) - Block);
        Assert.Equal((0, Block), (memory.StatisticsOf(0).UsedBytes, memory.StatisticsOf(1).UsedBytes));
        Assert.Equal(Block, memory.Evict(1));
        Assert.Equal(0, memory.Evict());
        Assert.Equal(Block, memory.StatisticsOf(1).BytesToRam);
        using (KernelQueue queue = memory.CreateQueue(1))
        using (Launch launch = queue.Launch(_ => { }, 1))
            launch.Wait();
        Assert.Equal((0, 1), (memory.StatisticsOf(0).Launches, memory.StatisticsOf(1).Launches));
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(5));
        memory.CheckInvariants();
    }

    [Fact]
    public async Task ABackgroundPrefetchGoesToTheDeviceThatWasMeant()
    {
        using SharedMemory memory = Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(1 << 18);
        array.Span.Fill(5);
        PrefetchResult result = await memory.PrefetchAsync(array, MemoryLocations.OfDevice(1), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(array.LengthInBytes, result.MovedBytes);
        Assert.Equal((0, array.LengthInBytes), (memory.StatisticsOf(0).UsedBytes, (nint)memory.StatisticsOf(1).UsedBytes));
    }

    [Fact]
    public void DevicesThatDoNotExistAreRefused()
    {
        using SharedMemory memory = Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(8);
        Assert.Equal(2, memory.DeviceCount);
        Assert.Contains("has 2", Assert.Throws<ArgumentOutOfRangeException>(() => memory.StatisticsOf(2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Query(array, device: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.DeviceRead(array, 0, new long[1].AsSpan(), device: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.MakeExclusive(array, 0, 1, device: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Evict(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Prefetch(array, MemoryLocations.OfDevice(2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Prefetch(array, (MemoryLocation)(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryLocations.OfDevice(8));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryLocations.OfDevice(-1));
    }

    [Fact]
    public void AMirrorDoesWhatItIsTold()
    {
        using SharedMemory memory = Open(MemoryKind.Real);
        using SharedArray<byte> array = memory.Allocate<byte>(4 * PageBytes);
        array.Span.Fill(3);
        byte[] bytes = new byte[4 * PageBytes];
        using MirrorDevice mirror = memory.CreateMirror(16 * PageBytes);
        Assert.Equal(0, mirror.Peek(array.Address, bytes));
        Assert.Equal(new MirrorProgress(4, 1), mirror.Read(array.Address, bytes));
        Assert.Equal((-1, 4), (bytes.AsSpan().IndexOfAnyExcept((byte)3), mirror.Peek(array.Address, bytes)));
        Assert.Equal(2, mirror.Migrate(array.Address, 2 * PageBytes, MemoryLocation.Device));
        Assert.Equal([0x22, 0x22, 2, 2], mirror.Snapshot(array.Address, 4 * PageBytes));
        Assert.Equal(PagePlace.OtherDevice, memory.Query(array)[0].Place);
        Array.Fill(bytes, (byte)4);
        mirror.Write(array.Address, bytes);
        Assert.Equal(1, mirror.Migrate(array.Address, PageBytes, MemoryLocation.System));
        Assert.Equal(-1, array.Span.IndexOfAnyExcept((byte)4));
        Assert.Equal(StatusCode.NotMapped, Assert.Throws<SharedMemoryException>(() => mirror.Read(PageBytes, bytes)).Status);
        Assert.Throws<ArgumentException>(() => memory.CreateMirror(5));
        mirror.Dispose();
        Assert.Throws<ObjectDisposedException>(() => mirror.Read(array.Address, bytes));
        memory.CheckInvariants();
    }

    [Fact]
    public void AKernelDoesNotTransfer()
    {
        using SharedMemory memory = Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(8);
        using Launch launch = memory.Launch(_ => memory.DeviceRead(array, 0, new long[1].AsSpan()), 1);
        Assert.Contains("KernelContext", Assert.Throws<KernelFailedException>(launch.Wait).Message, StringComparison.Ordinal);
    }

    /// <summary>Opens a memory with two devices of 8 MiB.</summary>
    private static SharedMemory Open(MemoryKind kind, bool migrate = true, int chunkBytes = 65536) => TwoDevices.Open(kind, chunkBytes, migrate);

    /// <summary>What is to be compared of runs.</summary>
    private static (PagePlace Place, int Device, int Pages)[] Places(PageRun[] runs) => [.. runs.Select(run => (run.Place, run.Device, (int)(run.Bytes / PageBytes)))];
}
