// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>After InvalidateTlb returns, no unit reaches the old page: shown by units that write without pause while their page moves.</summary>
public sealed unsafe class InvalidationTests
{
    private const ulong Sentinel = 0xDEAD_BEEF_DEAD_BEE0; // Even: the kernels write odd numbers only.
    private static readonly VirtualAddress _page = new(0x7000_0020_0000);

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    [InlineData(9, true)]
    public void NoWriteReachesTheOldFrameOnceInvalidationHasReturned(int order, bool windows)
    {
        int rounds = order == 9 ? 200 : 2500;
        PageOrder size = new((byte)order);
        using TestGpu gpu = new(units: 2, serve: ServeUnderGate);
        DeviceAddress[] places = [Take(gpu, size), Take(gpu, size)];
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _page.Value, Bytes = (ulong)size.Bytes } };
        using Stopper stopper = new(hammer);
        int now = 0;
        gpu.Bind(_page, places[now]);
        delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel = windows ? &TestKernels.HammerByWindow : &TestKernels.HammerByWrite;
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)kernel, (nint)hammer, 2, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref hammer->Started) == 2);
        long written = 0;
        for (int round = 0; round < rounds; round++)
        {
            ulong* old = PointerOf(gpu, places[now]);
            lock (gpu.Gate)
            {
                AddressRange zapped = gpu.Table.Zap(AddressRange.OfPages(_page + (round % size.Pages * 4096L), 1)); // A part takes the whole away.
                Assert.Equal(AddressRange.OfPages(_page, size.Pages), zapped);
                gpu.Table.InvalidateTlb(zapped);
                new Span<ulong>(old, (int)(size.Bytes / 8)).Fill(Sentinel); // Ours from here on.
                now ^= 1;
                if (round % 8 != 0)
                    gpu.Bind(_page, places[now]);
            }

            if (round % 8 == 0)
            {
                Thread.Yield(); // Units fault meanwhile and are sent back until it is bound.
                lock (gpu.Gate)
                    gpu.Bind(_page, places[now]);
            }

            if (round % 16 == 0)
            {
                long seen = Volatile.Read(ref hammer->Accesses);
                Await(() => Volatile.Read(ref hammer->Accesses) > seen); // The units really go on, in the new frame.
            }

            ulong* current = PointerOf(gpu, places[now]);
            written += Volatile.Read(ref *current) != Sentinel ? 1 : 0;
            AssertUntouched(old, size, round);
        }

        Volatile.Write(ref hammer->Stop, 1);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal("", launch.Message);
        Assert.True(written > 0, "the units never wrote: the test has shown nothing");
        Assert.True(gpu.Table.Barriers > 0);
    }

    [Fact]
    public void WithoutInvalidationTheUnitGoesOnInTheOldFrame()
    {
        using TestGpu gpu = new(units: 1);
        DeviceAddress[] places = [Take(gpu, PageOrder.Small), Take(gpu, PageOrder.Small)];
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _page.Value, Bytes = 4096 } };
        using Stopper stopper = new(hammer);
        gpu.Bind(_page, places[0]);
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HammerByWrite, (nint)hammer, 1, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref hammer->Accesses) > 1);
        AddressRange zapped = gpu.Table.Zap(AddressRange.OfPages(_page, 1));
        gpu.Bind(_page, places[1]);
        new Span<ulong>(PointerOf(gpu, places[0]), 512).Fill(Sentinel);
        Await(() => new Span<ulong>(PointerOf(gpu, places[0]), 512).ContainsAnyExcept(Sentinel)); // The TLB still knows it: this is what the other test would see.
        gpu.Table.InvalidateTlb(zapped);
        new Span<ulong>(PointerOf(gpu, places[0]), 512).Fill(Sentinel);
        long seen = Volatile.Read(ref hammer->Accesses);
        Await(() => Volatile.Read(ref hammer->Accesses) > seen + 100);
        AssertUntouched(PointerOf(gpu, places[0]), PageOrder.Small, 0);
        Volatile.Write(ref hammer->Stop, 1);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void InvalidationWaitsForAHeldWindowAndReturnsWhenTheKernelYields()
    {
        using TestGpu gpu = new(units: 2);
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _page.Value, Bytes = 8 } };
        using Stopper stopper = new(hammer);
        Assert.Equal(SvmStatus.Done, gpu.BindFresh(_page, PageOrder.Small));
        ulong* frame = (ulong*)gpu.PointerTo(_page);
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HoldWindow, (nint)hammer, 1, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref hammer->Started) == 1);
        ulong valueOnReturn = 0;
        using ManualResetEventSlim isWaiting = new();
        Thread invalidator = new(() =>
        {
            AddressRange zapped = gpu.Table.Zap(AddressRange.OfPages(_page, 1));
            isWaiting.Set();
            gpu.Table.InvalidateTlb(zapped);
            valueOnReturn = Volatile.Read(ref *frame);
        });
        invalidator.Start();
        isWaiting.Wait();
        Await(() => gpu.Table.Barriers == 1);
        Assert.False(invalidator.Join(50), "it returned although a kernel holds the page");
        Volatile.Write(ref hammer->Stop, 1);
        Assert.True(invalidator.Join(TimeSpan.FromSeconds(30)), "it hangs although the kernel has yielded");
        Assert.Equal(77UL, valueOnReturn); // The kernel's last store came before.
        Volatile.Write(ref hammer->Stop, 2);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void AUnitThatWaitsForItsFaultIsNotWaitedFor()
    {
        long barriers = -1;
        using TestGpu gpu = new(units: 1, serve: (gpu, fault) =>
        {
            gpu.Table.InvalidateTlb(fault.Address.Block(PageOrder.Huge)); // Would hang, or pay for a barrier, if the unit counted.
            barriers = gpu.Table.Barriers;
            return gpu.BindFresh(fault.Address.AlignDown(PageOrder.Small), PageOrder.Small);
        });
        ulong value = 5;
        TestKernels.Transfer transfer = new() { Address = _page.Value, Buffer = &value, Bytes = 8 };
        gpu.Run(&TestKernels.Write, &transfer);
        Assert.Equal(0, barriers);
        Assert.Equal(1, gpu.Table.Invalidations);
    }

    [Fact]
    public void UnitsOfAnotherAddressSpaceAreNotWaitedFor()
    {
        using TestGpu gpu = new(units: 1);
        using SoftwareGpuPageTable other = gpu.Device.CreatePageTable(out int id);
        Assert.NotEqual(gpu.Table.AddressSpaceId, id);
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _page.Value, Bytes = 8 } };
        using Stopper stopper = new(hammer);
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HoldWindow, (nint)hammer, 1, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref hammer->Started) == 1);
        other.InvalidateTlb(AddressRange.OfPages(_page, 1)); // Returns although a window of the first space is held.
        Assert.Equal(0, other.Barriers);
        Volatile.Write(ref hammer->Stop, 2);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void AnInvalidationWhileTheSpaceRestsReachesItsNextLaunch()
    {
        using TestGpu gpu = new(units: 1);
        DeviceAddress[] places = [Take(gpu, PageOrder.Small), Take(gpu, PageOrder.Small)];
        for (int round = 0; round < 200; round++)
        {
            ulong value = (ulong)round + 1;
            TestKernels.Transfer transfer = new() { Address = _page.Value, Buffer = &value, Bytes = 8 };
            gpu.Table.InvalidateTlb(gpu.Table.Zap(AddressRange.OfPages(_page, 1)));
            gpu.Bind(_page, places[round & 1]);
            gpu.Run(&TestKernels.Write, &transfer);
            Assert.Equal(value, *PointerOf(gpu, places[round & 1]));
            Assert.NotEqual(value, *PointerOf(gpu, places[(round & 1) ^ 1]));
        }

        Assert.Equal(0, gpu.Table.Barriers);
    }

    private static SvmStatus ServeUnderGate(TestGpu gpu, GpuFault fault)
    {
        // The test alone decides where the page is; until then the unit replays.
        while (true)
        {
            lock (gpu.Gate)
            {
                if (gpu.Table.Lookup(fault.Address).IsPresent)
                    return SvmStatus.Done;
            }

            Thread.Yield();
        }
    }

    private static DeviceAddress Take(TestGpu gpu, PageOrder order)
    {
        Assert.Equal(SvmStatus.Done, gpu.Device.Memory.Allocate(order, out DeviceFrame frame));
        return new DeviceAddress((ulong)frame.OffsetBytes, AddressProtocol.LocalMemory, order, writable: true);
    }

    /// <summary>Ends a hammering kernel however the test ends; otherwise the device would wait for it for ever.</summary>
    private sealed class Stopper(TestKernels.Hammer* hammer) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref hammer->Stop, 2);
    }

    private static ulong* PointerOf(TestGpu gpu, DeviceAddress place) => (ulong*)(gpu.Device.Memory.BasePointer + (nint)place.Address);

    private static void AssertUntouched(ulong* frame, PageOrder size, int round)
    {
        int at = new Span<ulong>(frame, (int)(size.Bytes / 8)).IndexOfAnyExcept(Sentinel);
        Assert.True(at < 0, $"round {round}: a write reached the old frame at offset {at * 8}");
    }

    private static void Await(Func<bool> condition)
    {
        long start = Environment.TickCount64;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 - start < 30_000, "an event did not come within 30 s");
            Thread.Yield();
        }
    }
}
