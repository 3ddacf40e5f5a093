// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>What a unit counts, when it tells, and what becomes of what nobody fetches.</summary>
public sealed unsafe class AccessCounterTests : IDisposable
{
    private const int Pages = 64;

    private static readonly VirtualAddress _remote = new(0x4000_0000);
    private static readonly VirtualAddress _local = new(0x8000_0000);

    private readonly TestGpu _gpu = new(units: 2);
    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(Pages * PageSize.Bytes, PageSize.Bytes); // SAFETY: freed by Dispose, after the last launch.

    public void Dispose()
    {
        _gpu.Dispose();
        NativeMemory.AlignedFree(_memory);
    }

    [Fact]
    public void ARegionIsToldOfWhenItsCountReachesTheThreshold()
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 8);
        Run(&Read, _remote, times: 7);
        Assert.Equal(0, counters.Waiting);
        Run(&Read, _remote, times: 1);
        Assert.Equal(new AccessNotification(_remote.Block(PageOrder.Huge), 8, 0), FetchOne(counters));
        Run(&Read, _remote, times: 100); // Silent until it is cleared.
        Assert.Equal(0, counters.Waiting);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheDevicesOwnMemoryCountsOnRequest(bool countsOwnMemory)
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 8, countsOwnMemory: countsOwnMemory);
        Run(&Read, _local, times: 100);
        Assert.Equal(countsOwnMemory ? 1 : 0, counters.Waiting);
        if (countsOwnMemory)
            Assert.Equal(_local.Block(PageOrder.Huge), FetchOne(counters).Region);
        Assert.True(_gpu.Device.Memory.TakeUse(_gpu.Table.Lookup(_local).Frame, 1)); // What evictions go by is marked all the same.
    }

    [Fact]
    public void RegionsMayBe64Kib()
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 8, granularity: PageOrder.Medium);
        Run(&Read, _remote, times: 7);
        Run(&Read, _remote + PageOrder.Medium.Bytes, times: 8);
        Assert.Equal((_remote + PageOrder.Medium.Bytes).Block(PageOrder.Medium), FetchOne(counters).Region);
        Assert.Equal(0, counters.Waiting);
    }

    /// <summary>A copy counts once for each translation of it, a window once.</summary>
    [Fact]
    public void WhatIsCountedIsATranslation()
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 12);
        Run(&ReadMuch, _remote, times: 1); // Four pages.
        Run(&Window, _remote, times: 5);
        Run(&Read, _remote, times: 2);
        Assert.Equal(0, counters.Waiting);
        Run(&Read, _remote, times: 1);
        Assert.Equal(12, FetchOne(counters).Accesses);
    }

    [Fact]
    public void AClearedRegionIsCountedAnewAndLaterIfThatIsWanted()
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 8);
        Run(&Read, _remote, times: 8);
        counters.Clear(FetchOne(counters), 2);
        Run(&Read, _remote, times: 31);
        Assert.Equal(0, counters.Waiting);
        Run(&Read, _remote, times: 1);
        AccessNotification second = FetchOne(counters);
        Assert.Equal((32, 2), (second.Accesses, second.Doublings));
        counters.Clear(second, 99);
        Run(&Read, _remote, times: (8 << IAccessCounterBuffer.MaxDoublings) - 1);
        Assert.Equal(0, counters.Waiting);
        counters.ClearAll();
        Run(&Read, _remote, times: 8);
        Assert.Equal(0, FetchOne(counters).Doublings);
    }

    /// <summary>Room for two: the third is dropped and counted, and comes again when it has been used as often once more.</summary>
    [Fact]
    public void WhatFindsNoPlaceIsDroppedAndCountedAndComesAgain()
    {
        var counters = new SoftwareGpuAccessCounters(new AccessCounterConfiguration(PageOrder.Huge, 4), places: 2);
        for (ulong region = 0; region < 3; region++)
            CountTimes(counters, region << 21, 4);
        Assert.Equal((2, 1), (counters.Waiting, counters.Dropped));
        Span<AccessNotification> batch = stackalloc AccessNotification[8];
        Assert.Equal(2, counters.Fetch(batch));
        Assert.Equal((0UL, 1UL << 21), (batch[0].Region.Start.Value, batch[1].Region.Start.Value)); // Oldest first.
        CountTimes(counters, 2UL << 21, 3);
        Assert.Equal(0, counters.Waiting);
        CountTimes(counters, 2UL << 21, 1);
        Assert.Equal(2UL << 21, FetchOne(counters).Region.Start.Value);
    }

    /// <summary>More regions than there are counters, each a few times: one that is used far more often is told of all the same.</summary>
    [Fact]
    public void ABusyRegionIsSeenAmongVeryMany()
    {
        var counters = new SoftwareGpuAccessCounters(new AccessCounterConfiguration(PageOrder.Medium, 256), places: 4);
        for (ulong round = 0; round < 300; round++)
        {
            counters.CountAccess(5 << 16);
            for (ulong other = 0; other < 100; other++)
                counters.CountAccess((1000 + round * 100 + other) << 16);
        }

        Assert.Equal(5UL << 16, FetchOne(counters).Region.Start.Value);
        Assert.Equal(0, counters.Waiting);
    }

    [Fact]
    public void NothingIsFetchedOnceItIsClosed()
    {
        var counters = new SoftwareGpuAccessCounters(new AccessCounterConfiguration(PageOrder.Huge, 1), places: 4);
        counters.CountAccess(0);
        var fetched = new int[1];
        counters.Close();
        counters.CountAccess(1 << 21);
        var thread = new Thread(() => fetched[0] = counters.Fetch(new AccessNotification[4]) - 1);
        thread.Start();
        Assert.True(thread.Join(10_000));
        Assert.Equal((-1, 1), (fetched[0], counters.Waiting));
    }

    /// <summary>Two units on one region: together they reach what one alone would not.</summary>
    [Fact]
    public void TheUnitsCountTogether()
    {
        SoftwareGpuAccessCounters counters = Start(threshold: 1500);
        Run(&Read, _remote, times: 1000, groups: 2);
        Assert.Equal(1500, FetchOne(counters).Accesses);
    }

    [Theory]
    [InlineData(0, 9)]
    [InlineData(65_536, 9)]
    [InlineData(256, 5)]
    public void ImpossibleConfigurationsAreRefused(int threshold, byte order) =>
        Assert.Throws<ArgumentException>(() => _gpu.Table.StartAccessCounters(new AccessCounterConfiguration(new PageOrder(order), threshold)));

    private SoftwareGpuAccessCounters Start(int threshold, PageOrder? granularity = null, bool countsOwnMemory = false)
    {
        for (int page = 0; page < Pages; page++)
        {
            var target = new DeviceAddress((ulong)_memory + (ulong)page * PageSize.Bytes, AddressProtocol.System, PageOrder.Small, writable: true);
            Assert.Equal(SvmStatus.Done, _gpu.Bind(_remote + (long)page * PageSize.Bytes, target));
        }

        Assert.Equal(SvmStatus.Done, _gpu.BindFresh(_local, PageOrder.Small));
        return (SoftwareGpuAccessCounters)_gpu.Table.StartAccessCounters(new AccessCounterConfiguration(granularity ?? PageOrder.Huge, threshold, countsOwnMemory));
    }

    private static void CountTimes(SoftwareGpuAccessCounters counters, ulong address, int times)
    {
        for (int i = 0; i < times; i++)
            counters.CountAccess(address);
    }

    private static AccessNotification FetchOne(SoftwareGpuAccessCounters counters)
    {
        Assert.NotEqual(0, counters.Waiting);
        Span<AccessNotification> one = stackalloc AccessNotification[1];
        Assert.Equal(1, counters.Fetch(one));
        return one[0];
    }

    private void Run(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel, VirtualAddress address, long times, ulong groups = 1)
    {
        var work = new Work { Address = address.Value, Times = times };
        _gpu.Run(kernel, &work, groups);
    }

    [UnmanagedCallersOnly]
    private static void Read(SoftwareGpuKernelContext* context, void* arguments)
    {
        var work = (Work*)arguments;
        long value;
        for (long i = 0; i < work->Times; i++)
            context->Functions->Read(context, work->Address, &value, 8);
    }

    [UnmanagedCallersOnly]
    private static void ReadMuch(SoftwareGpuKernelContext* context, void* arguments)
    {
        byte* buffer = stackalloc byte[4 * PageSize.Bytes];
        context->Functions->Read(context, ((Work*)arguments)->Address, buffer, 4 * PageSize.Bytes);
    }

    [UnmanagedCallersOnly]
    private static void Window(SoftwareGpuKernelContext* context, void* arguments)
    {
        var work = (Work*)arguments;
        for (long i = 0; i < work->Times; i++)
        {
            var window = new SoftwareGpuWindow { Address = work->Address, Bytes = 4096 };
            context->Functions->Windows(context, &window, 1);
        }
    }

    /// <summary>What a kernel works on.</summary>
    private struct Work
    {
        internal ulong Address;
        internal long Times;
    }
}
