// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Memory whose device raises no faults: launches name what they use.</summary>
public class WithoutFaultsTests
{
    private const int Length = 300_000;

    [Theory]
    [InlineData(MemoryKind.Portable)]
    [InlineData(MemoryKind.Real)]
    public void AKernelWorksOnTheArraysThatItsLaunchNames(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind, deviceBytes: 1 << 20, withoutFaults: true); // More data than the device holds.
        SharedArray<long> input = memory.Allocate<long>(Length);
        SharedArray<long> output = memory.Allocate<long>(Length);
        SharedArray<long> sum = memory.Allocate<long>(1);
        for (int i = 0; i < Length; i++)
            input[i] = i;
        for (int round = 1; round <= 3; round++)
        {
            using Launch launch = memory.Launch(
                context =>
                {
                    for (nint i = context.GroupIndex; i < Length; i += context.GroupCount)
                        context.Store(output, i, context.Load(input, i) * 2);
                    context.AtomicAdd(sum, 0, 1);
                },
                10,
                [input.Use(KernelAccess.Read), output.Use(), sum.Use(KernelAccess.Atomic)]);
            launch.Wait();
            Assert.Equal(10L * round, sum[0]);
            for (int i = 0; i < Length; i += 1000)
                Assert.Equal(2L * i, output[i]);
        }

        memory.CheckInvariants();
        Assert.Equal(0, memory.Statistics.GpuFaults);
    }

    [Theory]
    [InlineData(MemoryKind.Portable)]
    [InlineData(MemoryKind.Real)]
    public void WhatALaunchDoesNotNameItCannotTouch(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind, withoutFaults: true);
        SharedArray<long> named = memory.Allocate<long>(1000);
        SharedArray<long> forgotten = memory.Allocate<long>(Length);
        named[0] = forgotten[0] = 1;
        using Launch launch = memory.Launch(context => context.Store(forgotten, 0, context.Load(named, 0) + 1), 1, [named.Use()]);
        KernelAccessException failure = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.Equal((forgotten.Address, KernelAccess.Write, StatusCode.NotMapped), ((nint)failure.Address, failure.Access, failure.Status));
        using Launch nothing = memory.Launch(context => context.Load(named, 0), 1);
        Assert.Equal(1, forgotten[0]);
        nothing.Dispose();
        memory.CheckInvariants();
    }

    [Fact]
    public void ACpuTouchStopsARunningLaunchWhichGoesOn()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, withoutFaults: true);
        SharedArray<long> data = memory.Allocate<long>(Length);
        using SvmEventReader events = memory.OpenEvents();
        int started = 0;
        int stop = 0;
        long added = 0;
        using Launch launch = memory.Launch(
            context =>
            {
                for (bool isLast = false; ;)
                {
                    context.Store(data, 0, context.Load(data, 0) + 1);
                    added++;
                    Volatile.Write(ref started, 1);
                    if (isLast)
                        return;
                    isLast = Volatile.Read(ref stop) != 0;
                }
            },
            1,
            [data.Use()]);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref started) != 0, TimeSpan.FromSeconds(60)));
        for (int i = 1; i < Length; i += 1000)
            data[i] = i;
        Volatile.Write(ref stop, 1);
        launch.Wait();
        Assert.Equal(added, data[0]);
        for (int i = 1; i < Length; i += 1000)
            Assert.Equal(i, data[i]);
        var told = new SvmEvent[65536];
        SvmEventKind[] kinds = [.. told[..events.Read(told)].Select(one => one.Kind)];
        Assert.Contains(SvmEventKind.QueueStop, kinds);
        Assert.Contains(SvmEventKind.QueueRestore, kinds);
        memory.CheckInvariants();
    }

    [Fact]
    public void FreeingAnArrayFailsTheRunningLaunchThatNamedIt()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, withoutFaults: true);
        SharedArray<long> kept = memory.Allocate<long>(Length);
        SharedArray<long> lost = memory.Allocate<long>(Length);
        nint address = lost.Address;
        int started = 0;
        using Launch launch = memory.Launch(
            context =>
            {
                while (true)
                {
                    context.Store(kept, 0, context.Load(kept, 0) + 1);
                    Volatile.Write(ref started, 1);
                }
            },
            1,
            [kept.Use(), lost.Use(KernelAccess.Read)]);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref started) != 0, TimeSpan.FromSeconds(60)));
        lost.Dispose();
        KernelAccessException failure = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.Equal((address, StatusCode.NotMapped), ((nint)failure.Address, failure.Status));
        memory.CheckInvariants();
    }

    [Fact]
    public void NamingIsAllowedWithFaultsAndChangesNothing()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<long> named = memory.Allocate<long>(1000);
        SharedArray<long> other = memory.Allocate<long>(1000);
        using Launch launch = memory.Launch(context => context.Store(other, 0, 5), 1, [named.Use(0, 10), named.Use(5, 0)]);
        launch.Wait();
        Assert.Equal(5, other[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => named.Use(990, 11));
    }
}
