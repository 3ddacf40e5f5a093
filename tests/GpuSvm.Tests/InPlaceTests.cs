// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Arrays of the program that devices use where they are.</summary>
public sealed class InPlaceTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void AKernelWorksOnAManagedArrayWhileTheCollectorRuns(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind);
        long[] array = new long[100_000];
        for (int i = 0; i < array.Length; i++)
            array[i] = i;
        using (InPlaceArray<long> used = memory.UseInPlace(array))
        {
            Assert.Same(array, used.Array);
            using Launch launch = memory.Launch(AddOne, new AddArguments(used), new IndexSpace(array.Length));
            for (int i = 0; i < 5; i++)
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
            array[5] = 100; // The CPU goes on using it.
            memory.Run(1, context => context.Store(used, 6, context.Load(used, 5) + 1));
            Assert.Equal(101, array[6]);
        }

        for (int i = 7; i < array.Length; i++)
            Assert.Equal(i + 1, array[i]);
        Assert.Equal(0, memory.Statistics.BytesToDevice);
        memory.CheckInvariants();
    }

    [Fact]
    public void AReadOnlyArrayIsReadAndNotWritten()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        int[] array = new int[5000];
        array[7] = 42;
        using InPlaceArray<int> used = memory.UseInPlace(array, isReadOnly: true);
        memory.Run(1, context => Assert.Equal(42, context.Load(used, 7)));
        using Launch writes = memory.Launch(context => context.Store(used, 7, 1), 1);
        KernelAccessException refused = Assert.Throws<KernelAccessException>(writes.Wait);
        Assert.Equal(used.AddressOf(7), refused.Address);
        Assert.Equal(42, array[7]);
    }

    [Fact]
    public void WhatWasTakenAwayIsNotReached()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        InPlaceArray<int> used = memory.UseInPlace(new int[5000]);
        nint address = used.AddressOf(0);
        used.Dispose();
        used.Dispose();
        Assert.Throws<ObjectDisposedException>(() => used.AddressOf(0));
        using Launch launch = memory.Launch(context => context.Load<int>(address), 1);
        Assert.Equal(address, Assert.Throws<KernelAccessException>(launch.Wait).Address);
    }

    [Fact]
    public void AnArrayCanBeUsedAgainAndOneInUseCannotBeUsedTwice()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        long[] array = new long[10_000];
        using (memory.UseInPlace(array))
            Assert.Equal(StatusCode.Busy, Assert.Throws<SharedMemoryException>(() => memory.UseInPlace(array)).Status);
        using InPlaceArray<long> again = memory.UseInPlace(array);
        Assert.Equal(10_000, again.Length);
    }

    [Fact]
    public void ArgumentsAreCheckedAndTheMemoryEndsWhatItHolds()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Assert.Throws<ArgumentNullException>(() => memory.UseInPlace<int>(null!));
        Assert.Throws<ArgumentException>(() => memory.UseInPlace(Array.Empty<int>()));
        InPlaceArray<int> used = memory.UseInPlace(new int[5000]);
        Assert.Throws<ArgumentOutOfRangeException>(() => used.AddressOf(4999, 2));
        using Launch disposes = memory.Launch(_ => used.Dispose(), 1);
        Assert.IsType<InvalidOperationException>(Assert.Throws<KernelFailedException>(disposes.Wait).InnerException);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => used.AddressOf(0));
        Assert.Throws<ObjectDisposedException>(() => memory.UseInPlace(new int[10]));
    }

    [Fact]
    public void WithoutFaultsItIsNamed()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, withoutFaults: true);
        long[] array = new long[10_000];
        using InPlaceArray<long> used = memory.UseInPlace(array);
        using Launch launch = memory.Launch(AddOne, new AddArguments(used), new IndexSpace(array.Length), [used.Use()]);
        launch.Wait();
        Assert.Equal(-1, array.AsSpan().IndexOfAnyExcept(1L));
    }

    /// <summary>Adds one to each element.</summary>
    private static void AddOne(KernelContext context, in AddArguments arguments)
    {
        WorkGroup group = context.Group;
        Span<long> block = stackalloc long[(int)group.Size.X];
        context.Read(arguments.Array, group.Start.X, block);
        foreach (ref long value in block)
            value++;
        context.Write<long>(arguments.Array, group.Start.X, block);
    }

    private readonly record struct AddArguments(InPlaceArray<long> Array);
}
