// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>The suite on real memory, and what only real memory promises: both sides touch at any time.</summary>
public sealed class RealEndToEndTests : EndToEndSuite
{
    protected override MemoryKind Kind => MemoryKind.Real;

    [Fact]
    public void PagesStayOnTheDeviceUntilTheCpuTouchesThem()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(1 << 18);
        memory.Run(4, context => ForEachBlock(context, array, static value => value + 1));
        Assert.True(memory.Statistics.DeviceBytesUsed >= array.LengthInBytes, $"{memory.Statistics}");
        long before = memory.Statistics.BytesToRam;
        Assert.Equal(1, array[0]);

        // The touch returns as soon as the page is there, a moment before the thread that served it has counted it.
        Assert.True(SpinWait.SpinUntil(() => memory.Statistics is { CpuFaultsMigrated: > 0 } now && now.BytesToRam > before && now.CpuFaultTime > TimeSpan.Zero, 10_000), $"{memory.Statistics}");
        memory.CheckInvariants();
    }

    [Fact]
    public unsafe void CpuAndKernelCountOnTheSamePagesAtTheSameTime()
    {
        const int Slots = 64;
        const int Adds = 300;
        using SharedMemory memory = Open(chunkBytes: 4096);
        using SharedArray<long> array = memory.Allocate<long>(Slots * 512);
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < Adds * Slots; i++)
                Interlocked.Increment(ref array[i % Slots * 512]);
        }))];
        using Launch launch = memory.Launch(context =>
        {
            for (int i = 0; i < Adds; i++)
                context.AtomicAdd(array, (context.GroupIndex * 512) + 1, 1);
        }, Slots);
        Array.ForEach(threads, thread => thread.Start());
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Array.ForEach(threads, thread => Assert.True(thread.Join(TimeSpan.FromSeconds(60))));
        for (int i = 0; i < Slots; i++)
            Assert.Equal((2 * Adds, Adds), (array[i * 512], array[(i * 512) + 1]));
        memory.CheckInvariants();
    }

    [Fact]
    public void FreeingUnderARunningKernelFailsOrEndsItAndNothingElse()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> other = memory.Allocate<long>(10_000);
        other.Span.Fill(6);
        SharedArray<long> freed = memory.Allocate<long>(1 << 18);
        nint address = freed.Address;
        using var running = new ManualResetEventSlim();
        using Launch launch = memory.Launch(context =>
        {
            for (nint i = 0; i < 50_000_000; i++)
            {
                context.Store(address + (i % (1 << 18) * 8), 1L);
                if (i == 1000)
                    running.Set();
            }
        }, 1);
        running.Wait();
        freed.Dispose();
        KernelAccessException failed = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.InRange(failed.Address, address, address + (8 << 18));
        Assert.Equal(-1, other.Span.IndexOfAnyExcept(6L));
        memory.CheckInvariants();
    }

    [Fact]
    public void CpuFaultsInEveryFormAreServed()
    {
        using SharedMemory memory = Open();
        using SharedArray<byte> array = memory.Allocate<byte>(4 << 20);
        using SharedArray<long> words = memory.Allocate<long>(1 << 16);
        byte[] buffer = new byte[1 << 20];
        for (int round = 0; round < 5; round++)
        {
            byte fill = (byte)(round + 1);
            memory.Run(2, context =>
            {
                byte[] part = new byte[2 << 20];
                part.AsSpan().Fill(fill);
                context.Write(array, context.GroupIndex * part.Length, part);
                context.Store(words, context.GroupIndex, (long)fill);
            });
            Assert.Equal(-1, array.Span.IndexOfAnyExcept(fill));
            memory.Prefetch(array, MemoryLocation.Device);
            array.Slice(1 << 20, 1 << 20).CopyTo(buffer);
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept(fill));
            memory.Prefetch(array, MemoryLocation.Device);
            buffer.AsSpan().CopyTo(array.Slice(0, 1 << 20));
            memory.Prefetch(array, MemoryLocation.Device);
            array.Slice(2 << 20, 1 << 20).Clear();
            array.Slice(3 << 20, 1 << 20).Reverse();
            memory.Prefetch(words, MemoryLocation.Device);
            Assert.Equal(fill, Interlocked.CompareExchange(ref words[0], 0, fill));
            Assert.Equal(fill, Volatile.Read(ref words[1]));
        }
        memory.CheckInvariants();
    }

    [Fact]
    public void SystemCallsMayReadAndWriteSharedMemory()
    {
        using SharedMemory memory = Open();
        using SharedArray<byte> array = memory.Allocate<byte>(1 << 20);
        string path = Path.GetTempFileName();
        try
        {
            memory.Run(1, context => context.Write(array, 0, Enumerable.Repeat((byte)77, 1 << 20).ToArray()));
            using (FileStream file = File.OpenWrite(path))
                RandomAccess.Write(file.SafeFileHandle, array.Span, 0); // The kernel reads pages that are on the device.
            array.Span.Clear();
            memory.Prefetch(array, MemoryLocation.Device);
            using (FileStream file = File.OpenRead(path))
                Assert.Equal(1 << 20, RandomAccess.Read(file.SafeFileHandle, array.Span, 0)); // The kernel writes them.
            Assert.Equal(-1, array.Span.IndexOfAnyExcept((byte)77));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
