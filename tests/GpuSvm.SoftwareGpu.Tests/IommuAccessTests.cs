// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>Every way in which a kernel reaches memory leads through the IOMMU, and none past it.</summary>
public sealed unsafe class IommuAccessTests : IDisposable
{
    private const int Pages = 512;
    private const ulong Sentinel = 0xDEAD_BEEF_DEAD_BEE0; // Even: the kernels write odd numbers only.
    private static readonly VirtualAddress _start = new(0x7000_0020_0000);

    private readonly TestGpu _gpu = new(units: 2, serve: WaitUntilBound, iommuBytes: 16 << 20);
    private readonly byte* _host = (byte*)NativeMemory.AlignedAlloc(2 * PageSize.HugeBytes, PageSize.HugeBytes); // SAFETY: freed by Dispose, after the device.

    public IommuAccessTests() => NativeMemory.Clear(_host, 2 * PageSize.HugeBytes);

    public void Dispose()
    {
        _gpu.Dispose();
        NativeMemory.AlignedFree(_host);
    }

    [Fact]
    public void ReadsWritesElementsAtomicsAndWindowsReachScatteredPagesThroughOneEntry()
    {
        Bind(page => page * 7 % Pages); // Another order.
        Assert.Equal(SoftwareGpuPageClass.Huge, _gpu.Table.LookupSize(_start));
        for (int page = 0; page < Pages; page++)
            *(long*)(_host + (page * 7 % Pages * 4096)) = page;
        long* buffer = stackalloc long[Pages];
        long* indices = stackalloc long[Pages];
        for (int page = 0; page < Pages; page++)
            indices[page] = page * 512L;
        TestKernels.Transfer gather = new() { Address = _start.Value, Buffer = buffer, Bytes = Pages, Indices = indices, ElementBytes = 8 };
        _gpu.Run(&TestKernels.Gather, &gather);
        for (int page = 0; page < Pages; page++)
        {
            Assert.Equal(page, buffer[page]);
            buffer[page] = page + 1000;
        }

        _gpu.Run(&TestKernels.Scatter, &gather);
        byte[] bytes = new byte[3 * 4096]; // Across pages that are no neighbours.
        fixed (byte* there = bytes)
        {
            TestKernels.Transfer read = new() { Address = _start.Value + 2048, Buffer = there, Bytes = (ulong)bytes.Length };
            _gpu.Run(&TestKernels.Read, &read);
            Assert.Equal(1001, *(long*)(there + 2048));
            Assert.Equal(1003, *(long*)(there + 2048 + 8192));
            bytes.AsSpan().Fill(0x5A);
            _gpu.Run(&TestKernels.Write, &read);
        }

        Assert.Equal(0x5A, _host[(3 * 7 * 4096) + 2047]);
        Assert.Equal(0, _host[(3 * 7 * 4096) + 2048]);
        TestKernels.Transfer add = new() { Address = _start.Value + (100 * 4096), ElementBytes = 8 };
        _gpu.Run(&TestKernels.AtomicAdd, &add, groups: 4);
        Assert.Equal(1100 + (4 * 500 * 3), *(long*)(_host + (100 * 7 % Pages * 4096)));
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _start.Value + (200 * 4096), Bytes = 8, Stop = 1 } };
        Assert.Equal(SvmStatus.Done, _gpu.Device.Queue.Start(_gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HoldWindow, (nint)hammer, 1, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref *(long*)(_host + (200 * 7 % Pages * 4096))) == 77); // By a pointer of the kernel's.
        Volatile.Write(ref hammer->Stop, 2);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, _gpu.Device.Iommu!.RefusedAccesses);
    }

    /// <summary>One translation covers as much as lies in one piece: 2 MiB, 64 KiB, 4 KiB.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(16, 32)]
    [InlineData(512, 512)]
    public void ATranslationIsAsLargeAsHostPagesAreNeighbours(int cut, int misses)
    {
        int run = Pages / cut;
        Bind(page => cut == 1 ? page : run == 1 ? page * 7 % Pages : ((page / run * 7 % cut) * run) + (page % run));
        byte[] bytes = new byte[PageSize.HugeBytes];
        fixed (byte* there = bytes)
        {
            TestKernels.Transfer read = new() { Address = _start.Value, Buffer = there, Bytes = PageSize.HugeBytes };
            _gpu.Run(&TestKernels.Read, &read);
        }

        Assert.Equal(misses, _gpu.Device.ReadCounters().TlbMisses);
    }

    /// <summary>A broken driver: the page table still leads there. Only the launch fails, with the address, and nobody is asked to mend it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AnAccessThatTheIommuDoesNotLetThroughFailsTheLaunch(bool isReadOnly)
    {
        DeviceAddress[] linked = Bind(page => page, writable: !isReadOnly);
        if (!isReadOnly)
            _gpu.Device.Iommu!.Unmap(linked[3]);
        else
            _gpu.Bind(_start, new DeviceAddress(linked[0].Address, AddressProtocol.System, PageOrder.Huge, writable: true)); // More than is allowed there.
        ulong value = 1;
        TestKernels.Transfer write = new() { Address = _start.Value + (3 * 4096) + 8, Buffer = &value, Bytes = 8 };
        SoftwareGpuLaunch launch = _gpu.RunToEnd(&TestKernels.Write, &write);
        Assert.Equal((SvmStatus.CopyFailed, write.Address), (launch.Status, launch.FaultAddress.Value));
        Assert.Equal((int)SvmStatus.CopyFailed, write.Result);
        Assert.Equal((1, 0), (_gpu.Device.Iommu!.RefusedAccesses, _gpu.Faults));
        Assert.Equal(0UL, *(ulong*)(_host + (3 * 4096) + 8));
        write.Address = _start.Value + (4 * 4096);
        if (!isReadOnly)
            _gpu.Run(&TestKernels.Write, &write);
        else
            _gpu.Run(&TestKernels.Read, &write);
    }

    [Fact]
    public void AnEntryThatLeadsPastTheIommuIsNotWritten() => Assert.Contains(
        "IOMMU",
        Assert.Throws<InvalidOperationException>(() => _gpu.Bind(_start, new DeviceAddress((ulong)_host, AddressProtocol.System, PageOrder.Small, writable: true))).Message,
        StringComparison.Ordinal);

    /// <summary>Zap, flush, and only then unmap: no unit writes to a page that was unmapped, though its device address is at once another's.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(9, false)]
    [InlineData(9, true)]
    public void NoWriteReachesAPageThatWasUnmapped(int order, bool windows)
    {
        PageOrder size = new((byte)order);
        var places = new nint[] { (nint)_host, (nint)_host + PageSize.HugeBytes };
        TestKernels.Hammer* hammer = stackalloc TestKernels.Hammer[] { new() { Address = _start.Value, Bytes = (ulong)size.Bytes } };
        using Stopper stopper = new(hammer);
        int now = 0;
        DeviceAddress mapping = Map(places[now], size);
        _gpu.Bind(_start, mapping);
        delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel = windows ? &TestKernels.HammerByWindow : &TestKernels.HammerByWrite;
        Assert.Equal(SvmStatus.Done, _gpu.Device.Queue.Start(_gpu.Table, (nint)kernel, (nint)hammer, 2, out SoftwareGpuLaunch launch));
        Await(() => Volatile.Read(ref hammer->Started) == 2);
        ulong first = mapping.Address;
        long written = 0;
        for (int round = 0; round < 100; round++)
        {
            nint old = places[now];
            now ^= 1;

            // The next mapping first, so that there is no moment without one; then the change of entries, and only after the flush the end of the old mapping.
            DeviceAddress next = Map(places[now], size);
            AddressRange zapped = _gpu.Table.Zap(AddressRange.OfPages(_start, 1));
            _gpu.Bind(_start, next);
            _gpu.Table.InvalidateTlb(zapped);
            _gpu.Device.Iommu!.Unmap(mapping);
            new Span<ulong>((void*)old, (int)(size.Bytes / 8)).Fill(Sentinel);
            mapping = next;
            long seen = Volatile.Read(ref hammer->Accesses);
            Await(() => Volatile.Read(ref hammer->Accesses) > seen);
            Assert.True(new Span<ulong>((void*)old, (int)(size.Bytes / 8)).IndexOfAnyExcept(Sentinel) < 0, $"round {round}: a write reached the old page");
            written += *(ulong*)places[now] is Sentinel or 0 ? 0 : 1;
            Assert.True(round % 2 == 0 || mapping.Address == first); // Addresses are used again at once.
        }

        Volatile.Write(ref hammer->Stop, 1);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal("", launch.Message);
        Assert.True(written > 0, "the units never wrote: the test has shown nothing");
        Assert.Equal((0, size.Pages), (_gpu.Device.Iommu!.RefusedAccesses, _gpu.Device.Iommu.LivePages));
    }

    /// <summary>Links 2 MiB of host pages in some order into one reservation and binds them as one entry.</summary>
    private DeviceAddress[] Bind(Func<int, int> hostPage, bool writable = true)
    {
        SoftwareGpuIommu iommu = _gpu.Device.Iommu!;
        Assert.True(iommu.TryReserve(Pages, out DmaReservation reservation));
        var linked = new DeviceAddress[Pages];
        for (int page = 0; page < Pages; page++)
            Assert.Equal(SvmStatus.Done, iommu.Link(reservation, page, new DmaPointer((nint)_host + (hostPage(page) * 4096)), PageOrder.Small, writable, out linked[page]));
        iommu.Seal(reservation);
        Assert.Equal(SvmStatus.Done, _gpu.Bind(_start, new DeviceAddress(reservation.Address, AddressProtocol.System, PageOrder.Huge, writable)));
        return linked;
    }

    /// <summary>The test alone decides where the pages are; a unit that comes between two entries waits for the second.</summary>
    private static SvmStatus WaitUntilBound(TestGpu gpu, GpuFault fault)
    {
        Await(() => gpu.Table.Lookup(fault.Address).IsPresent);
        return SvmStatus.Done;
    }

    private DeviceAddress Map(nint pointer, PageOrder order)
    {
        Assert.Equal(SvmStatus.Done, _gpu.Device.Iommu!.Map(new DmaPointer(pointer), order, writable: true, out DeviceAddress address));
        return address;
    }

    /// <summary>Ends a hammering kernel however the test ends; otherwise the device would wait for it for ever.</summary>
    private sealed class Stopper(TestKernels.Hammer* hammer) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref hammer->Stop, 2);
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
