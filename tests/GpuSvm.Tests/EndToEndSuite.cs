// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>The promise of the package, on one kind of memory: a pointer means the same on both sides, and no byte is lost.</summary>
public abstract class EndToEndSuite
{
    private const int Seed = 20_261;

    /// <summary>The memory under test.</summary>
    protected abstract MemoryKind Kind { get; }

    [Theory]
    [InlineData(4096)]
    [InlineData(65536)]
    [InlineData(2 << 20)]
    public void AKernelSeesWhatTheCpuWroteAndTheOtherWayRound(int chunkBytes)
    {
        using SharedMemory memory = Open(chunkBytes: chunkBytes);
        using SharedArray<long> array = memory.Allocate<long>(300_000);
        for (int i = 0; i < array.Length; i++)
            array[i] = i;
        memory.Run(37, context => ForEachBlock(context, array, static value => (value * 3) + 1));
        for (int i = 0; i < array.Length; i++)
            Assert.Equal((i * 3L) + 1, array[i]);
        SvmStatistics statistics = memory.Statistics;
        Assert.True(statistics.GpuFaults > 0);
        Assert.True(statistics.BytesToDevice >= array.LengthInBytes * 9 / 10, $"only {statistics.BytesToDevice} bytes went to the device");
        Assert.True(statistics.BytesToRam >= array.LengthInBytes * 9 / 10, $"only {statistics.BytesToRam} bytes came back");
        memory.CheckInvariants();
    }

    [Fact]
    public void MemoryThatNobodyWroteReadsAsZeroOnTheDevice()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(500_000);
        memory.Run(8, context => ForEachBlock(context, array, static value => value == 0 ? 5 : -1));
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(5L));
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(65536)]
    [InlineData(2 << 20)]
    public void DataFourTimesTheDeviceMemoryIsNoObstacle(int chunkBytes)
    {
        const long DeviceBytes = 8 << 20;
        using SharedMemory memory = Open(DeviceBytes, chunkBytes: chunkBytes);
        using SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes * 4 / sizeof(long));
        for (int i = 0; i < array.Length; i++)
            array[i] = i;
        for (int pass = 0; pass < 3; pass++)
            memory.Run(16, context => ForEachBlock(context, array, static value => value + 1_000_000));
        for (int i = 0; i < array.Length; i++)
            Assert.Equal(i + 3_000_000L, array[i]);
        SvmStatistics statistics = memory.Statistics;
        Assert.True(statistics.Evictions > 0);
        Assert.True(statistics.DeviceBytesUsed <= DeviceBytes);
        Assert.Equal(DeviceBytes, statistics.DeviceBytesTotal);
        memory.CheckInvariants();
    }

    [Fact]
    public void ADeviceMemoryOfOnePageStillWorks()
    {
        using SharedMemory memory = Open(deviceBytes: 4096);
        using SharedArray<long> array = memory.Allocate<long>(16 * 512);
        array.Span.Fill(1);
        memory.Run(3, context => ForEachBlock(context, array, static value => value + 1));
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(2L));
        memory.CheckInvariants();
    }

    [Fact]
    public void WithoutMigrationTheDeviceWorksInSystemMemory()
    {
        using SharedMemory memory = Open(migrate: false);
        using SharedArray<long> array = memory.Allocate<long>(200_000);
        array.Span.Fill(4);
        memory.Run(5, context => ForEachBlock(context, array, static value => value * 2));
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(8L));
        Assert.Equal(0, memory.Statistics.BytesToDevice);
        memory.CheckInvariants();
    }

    [Fact]
    public void PagesPingPongBetweenCpuAndGpu()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(8 * 512);
        for (int round = 0; round < 50; round++)
        {
            for (int page = 0; page < 8; page++)
                array[page * 512]++;
            memory.Run(8, context => context.Store(array, context.GroupIndex * 512, context.Load(array, context.GroupIndex * 512) + 1));
        }
        for (int page = 0; page < 8; page++)
            Assert.Equal(100, array[page * 512]);
        memory.CheckInvariants();
    }

    [Fact]
    public void GatherAndScatterReachEveryElementAcrossPages()
    {
        using SharedMemory memory = Open();
        using SharedArray<int> from = memory.Allocate<int>(100_000);
        using SharedArray<int> to = memory.Allocate<int>(100_000);
        long[] order = [.. Enumerable.Range(0, 100_000).Select(i => (long)i)];
        new Random(Seed).Shuffle(order);
        for (int i = 0; i < from.Length; i++)
            from[i] = i * 7;
        memory.Run(10, context =>
        {
            (nint start, nint length) = context.Share(order.Length);
            int[] values = new int[length];
            ReadOnlySpan<long> mine = order.AsSpan((int)start, (int)length);
            context.Gather(from, mine, values);
            context.Scatter(to, mine, values);
        });
        Assert.True(to.Span.SequenceEqual(from.Span));
    }

    [Fact]
    public void AtomicAddsOfAllUnitsAddUp()
    {
        using SharedMemory memory = Open(units: 4);
        using SharedArray<long> longs = memory.Allocate<long>(3);
        using SharedArray<int> ints = memory.Allocate<int>(3);
        memory.Run(64, context =>
        {
            for (int i = 0; i < 500; i++)
            {
                context.AtomicAdd(longs, 1, 2);
                context.AtomicAdd(ints, 1, -1);
            }
        });
        Assert.Equal([0, 64_000, 0], longs.Span.ToArray());
        Assert.Equal([0, -32_000, 0], ints.Span.ToArray());
    }

    [Fact]
    public void AccessesAcrossPageBoundariesAreWhole()
    {
        using SharedMemory memory = Open(chunkBytes: 4096);
        using SharedArray<byte> array = memory.Allocate<byte>(5 * 4096);
        memory.Run(1, context =>
        {
            byte[] text = [.. Enumerable.Range(0, 10_000).Select(i => (byte)i)];
            context.Write(array, 4000, text);
            context.Store(array.Address + 4092, 0x1122334455667788L);
            byte[] back = new byte[10_000];
            context.Read(array, 4000, back.AsSpan());
            if (context.Load<long>(array.Address + 4092) != 0x1122334455667788L || back[91] != 91 || back[100] != 100)
                context.Fail("what was written across the boundary did not come back");
        });
        Assert.Equal(0x1122334455667788L, MemoryMarshal.Read<long>(array.Slice(4092, 8)));
        Assert.Equal(unchecked((byte)9_999), array[13_999]);
        Assert.Equal(0, array[14_000]);
    }

    [Fact]
    public void APrefetchMovesWhatItSaysAndLosesNothing()
    {
        using SharedMemory memory = Open(deviceBytes: 8 << 20);
        using SharedArray<long> array = memory.Allocate<long>(4 << 17);
        array.Span.Fill(9);
        nint there = memory.Prefetch(array, MemoryLocation.Device);
        Assert.Equal(memory.Kind == MemoryKind.Real ? array.LengthInBytes : 0, there);
        Assert.Equal(there, (nint)memory.Statistics.BytesToDevice);
        Assert.Equal(0, memory.Prefetch(array, MemoryLocation.Device));
        nint back = memory.Prefetch(array, 0, 512, MemoryLocation.System);
        Assert.Equal(there == 0 ? 0 : 4096, back); // Of what was asked for; the rest of its block may have come along.
        memory.Prefetch(array, MemoryLocation.System);
        Assert.Equal(there, (nint)memory.Statistics.BytesToRam);
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(9L));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Prefetch(array, 1, array.Length, MemoryLocation.System));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Prefetch(array, (MemoryLocation)2));
        memory.CheckInvariants();
    }

    [Fact]
    public unsafe void AKernelThatIsAnUnmanagedMethodRunsAlike()
    {
        using SharedMemory memory = Open();
        using SharedArray<int> array = memory.Allocate<int>(10_000);
        array.Span.Fill(20);
        nint address = array.Address;
        using Launch launch = memory.Launch(&AddIndex, &address, 10);
        launch.Wait();
        for (int i = 0; i < array.Length; i++)
            Assert.Equal(20 + i, array[i]);
    }

    [Fact]
    public void FailedLaunchesLeaveTheDataOfOthersIntact()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(100_000);
        array.Span.Fill(1);
        for (int i = 0; i < 20; i++)
        {
            using Launch bad = memory.Launch(context => context.Store(array.Address - (1 << 30), 1L), 4);
            Assert.Throws<KernelAccessException>(bad.Wait);
            memory.Run(4, context => ForEachBlock(context, array, static value => value + 1));
        }
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(21L));
        Assert.True(memory.Statistics.GpuFaultsFailed >= 20);
        memory.CheckInvariants();
    }

    [Fact]
    public void TwoMemoriesLiveSideBySide()
    {
        using SharedMemory first = Open();
        using SharedMemory second = Open();
        using SharedArray<int> a = first.Allocate<int>(1000);
        using SharedArray<int> b = second.Allocate<int>(1000);
        first.Run(1, context => context.Store(a, 1, 1));
        second.Run(1, context => context.Store(b, 1, 2));
        using Launch foreign = second.Launch(context => context.Load(a, 1), 1);
        Assert.Throws<KernelAccessException>(foreign.Wait);
        Assert.Equal((1, 2), (a[1], b[1]));
    }

    [Fact]
    public void MemoriesComeAndGoWithoutATrace()
    {
        int threads = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;
        for (int i = 0; i < 20; i++)
        {
            using SharedMemory memory = Open();
            using SharedArray<long> array = memory.Allocate<long>(100_000);
            memory.Run(2, context => ForEachBlock(context, array, static value => value + 1));
            Assert.Equal(1, array[99_999]);
        }
        Assert.InRange(System.Diagnostics.Process.GetCurrentProcess().Threads.Count, 0, threads + 20);
    }

    /// <summary>Opens the memory under test.</summary>
    protected SharedMemory Open(long deviceBytes = 8 << 20, int units = 2, int chunkBytes = 2 << 20, bool migrate = true)
        => Memories.Open(Kind, deviceBytes, units, chunkBytes, migrate);

    /// <summary>Maps each element of this group's share, some hundred at a time.</summary>
    protected static void ForEachBlock(KernelContext context, SharedArray<long> array, Func<long, long> map)
    {
        Span<long> block = stackalloc long[700]; // Does not divide a page, so that blocks cross pages.
        (nint start, nint length) = context.Share(array.Length);
        for (nint at = start; at < start + length; at += block.Length)
        {
            Span<long> part = block[..(int)Math.Min(block.Length, start + length - at)];
            context.Read(array, at, part);
            for (int i = 0; i < part.Length; i++)
                part[i] = map(part[i]);
            context.Write(array, at, part);
        }
    }

    [UnmanagedCallersOnly]
    private static unsafe void AddIndex(KernelContextData* data, void* arguments)
    {
        nint address = *(nint*)arguments;
        (nint start, nint length) = new KernelContext(data).Share(10_000);
        for (nint i = start; i < start + length; i++)
        {
            int value;
            if (data->Functions->Read(data, (ulong)(address + (i * 4)), &value, 4) != 0)
                return;
            value += (int)i;
            if (data->Functions->Write(data, (ulong)(address + (i * 4)), &value, 4) != 0)
                return;
        }
    }
}
