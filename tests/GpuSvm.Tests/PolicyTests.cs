// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Policies as a program chooses them: every one keeps every byte, and they differ in what comes and goes.</summary>
public class PolicyTests
{
    private const int Chunk = 64 << 10;
    private const int DeviceChunks = 32;

    public static TheoryData<PrefetchPolicy, EvictionPolicy> Pairs()
    {
        var pairs = new TheoryData<PrefetchPolicy, EvictionPolicy>();
        foreach (PrefetchPolicy prefetch in Enum.GetValues<PrefetchPolicy>())
        {
            foreach (EvictionPolicy eviction in Enum.GetValues<EvictionPolicy>())
                pairs.Add(prefetch, eviction);
        }

        return pairs;
    }

    /// <summary>All policies with each other, twice as much data as device memory, both sides writing.</summary>
    [Theory]
    [MemberData(nameof(Pairs))]
    public void EveryPairOfPoliciesKeepsEveryByte(PrefetchPolicy prefetch, EvictionPolicy eviction)
    {
        using SharedMemory memory = Open(prefetch, eviction, DeviceChunks);
        using SharedArray<long> array = memory.Allocate<long>(2 * DeviceChunks * Chunk / sizeof(long));
        for (nint i = 0; i < array.Length; i++)
            array[i] = i;
        const int Groups = 16;
        nint each = array.Length / Groups;
        for (int round = 1; round <= 2; round++)
        {
            using Launch launch = memory.Launch(
                context =>
                {
                    Span<long> piece = stackalloc long[512];
                    for (nint at = 0; at < each; at += piece.Length)
                    {
                        nint start = (context.GroupIndex * each) + at;
                        context.Read(array, start, piece);
                        foreach (ref long number in piece)
                            number++;
                        context.Write<long>(array, start, piece);
                    }
                },
                Groups);
            launch.Wait();
        }

        for (nint i = 0; i < array.Length; i++)
            Assert.Equal(i + 2, array[i]);
        memory.CheckInvariants();
        Assert.True(memory.Statistics.Evictions > 0);
    }

    /// <summary>Half of the device is read again and again without a fault: only a policy that sees uses knows.</summary>
    [Fact]
    public void WhatTheGpuUsesWithoutAFaultStays()
    {
        long unused = SkewedFaults(EvictionPolicy.Unused);
        Assert.Equal((DeviceChunks / 2) + (4 * DeviceChunks), unused); // Each chunk once.
        Assert.True(SkewedFaults(EvictionPolicy.FaultOrder) > unused);
    }

    /// <summary>Nothing moves on a touch, and what a kernel uses often comes while it runs; on portable memory nothing does, for there the CPU could not see that it went.</summary>
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void WhatIsHotComesToTheDevice(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind, migrate: false, counters: AccessCounterPolicy.Threshold);
        using SvmEventReader events = memory.OpenEvents();
        using SharedArray<long> array = memory.Allocate<long>(1 << 18);
        array.Span.Fill(3);
        var comes = kind == MemoryKind.Real;
        memory.Run(1, context =>
        {
            Span<long> one = stackalloc long[1];
            for (int i = 0; i < 2000 || (comes && memory.Statistics.BytesToDevice == 0); i++)
                context.Read(array, i % 1000, one);
        });
        Assert.Equal(comes ? 2L << 20 : 0, memory.Statistics.BytesToDevice);
        Assert.Equal(comes, events.ReadEvents().Any(one => one is { Kind: SvmEventKind.Migration, Cause: MigrationCause.AccessCounter }));
        for (nint i = 0; i < array.Length; i++)
            Assert.Equal(3, array[i]);
        memory.CheckInvariants();
    }

    private static long SkewedFaults(EvictionPolicy eviction)
    {
        using SharedMemory memory = Open(PrefetchPolicy.None, eviction, DeviceChunks);
        using SharedArray<byte> hot = memory.Allocate<byte>(DeviceChunks / 2 * Chunk);
        using SharedArray<byte> cold = memory.Allocate<byte>(4 * DeviceChunks * Chunk);
        hot.Span.Fill(1);
        cold.Span.Fill(2);
        using Launch launch = memory.Launch(
            context =>
            {
                Span<byte> piece = stackalloc byte[64];
                for (nint at = 0; at < cold.Length; at += Chunk)
                {
                    context.Read(cold, at, piece);
                    for (nint again = 0; again < hot.Length; again += Chunk)
                        context.Read(hot, again, piece);
                }
            },
            1);
        launch.Wait();
        return memory.Statistics.GpuFaults;
    }

    private static SharedMemory Open(PrefetchPolicy prefetch, EvictionPolicy eviction, int chunks) => SharedMemory.Create(new SharedMemoryOptions
    {
        Memory = MemoryKind.Auto,
        DeviceMemoryBytes = chunks * Chunk,
        LargestChunkBytes = Chunk,
        ComputeUnits = 2,
        Prefetch = prefetch,
        Eviction = eviction,
    });
}
