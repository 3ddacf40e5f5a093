// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>What a page must be for atomics: device memory, a peer's, or the device's alone; and what happens where it is none of these.</summary>
public sealed unsafe class AtomicTests : IDisposable
{
    private static readonly VirtualAddress _page = new(0x5000_0000_0000);

    private readonly long* _host = (long*)NativeMemory.AlignedAlloc(PageSize.Bytes, PageSize.Bytes);
    private readonly ConcurrentQueue<MemoryAccess> _faults = new();

    public AtomicTests() => NativeMemory.Clear(_host, PageSize.Bytes);

    public void Dispose() => NativeMemory.AlignedFree(_host);

    [Fact]
    public void DeviceMemoryTakesAtomicsAfterAnyFault()
    {
        using TestGpu gpu = NewGpu(gpu => gpu.BindFresh(_page, PageOrder.Small));
        Add(gpu, groups: 1);
        Assert.Equal([MemoryAccess.Atomic], _faults);
        Assert.Equal(1500, *(long*)gpu.PointerTo(_page));
    }

    /// <summary>A writable page of the program is not enough; a page that is the device's alone is, and is touched by pointer.</summary>
    [Fact]
    public void APageOfTheProgramFaultsForAtomicsUntilItIsTheDevicesAlone()
    {
        using TestGpu gpu = NewGpu(gpu =>
        {
            gpu.Table.Zap(AddressRange.OfPages(_page, 1));
            gpu.Table.InvalidateTlb(AddressRange.OfPages(_page, 1));
            return gpu.Bind(_page, OnHost(exclusive: true));
        });
        Assert.Equal(SvmStatus.Done, gpu.Bind(_page, OnHost(exclusive: false)));
        long value = 7;
        TestKernels.Transfer write = new() { Address = _page.Value, Buffer = &value, Bytes = 8 };
        gpu.Run(&TestKernels.Write, &write); // Fills the TLB with the writable translation.
        Assert.Empty(_faults);
        Add(gpu, groups: 20);
        Assert.All(_faults, access => Assert.Equal(MemoryAccess.Atomic, access));
        Assert.InRange(_faults.Count, 1, 2); // One a unit at most.
        Assert.Equal(7 + 20 * 1500, *_host);
        Assert.True(gpu.Table.Lookup(_page) is { IsExclusive: true, AllowsAtomics: true });
    }

    /// <summary>The fallback: acknowledged with a page that the CPU can touch, the unit takes that, and asks no more while the translation stands.</summary>
    [Fact]
    public void APageThatCannotBeHadAloneIsTakenAfterOneFaultAUnit()
    {
        using TestGpu gpu = NewGpu(_ => SvmStatus.Done);
        Assert.Equal(SvmStatus.Done, gpu.Bind(_page, OnHost(exclusive: false)));
        Add(gpu, groups: 20);
        Assert.InRange(_faults.Count, 1, 2);
        Assert.Equal(20 * 1500, *_host);
        gpu.Table.Zap(AddressRange.OfPages(_page, 1));
        gpu.Table.InvalidateTlb(AddressRange.OfPages(_page, 1));
        Assert.Equal(SvmStatus.Done, gpu.Bind(_page, OnHost(exclusive: false)));
        Add(gpu, groups: 1);
        Assert.InRange(_faults.Count, 2, 4); // What was accepted went with the translation.
    }

    [Fact]
    public void AReadOnlyPageIsNeverTakenForAtomics()
    {
        using TestGpu gpu = NewGpu(_ => SvmStatus.ReadOnly);
        Assert.Equal(SvmStatus.Done, gpu.Bind(_page, new DeviceAddress((ulong)_host, AddressProtocol.System, PageOrder.Small, writable: false)));
        TestKernels.Transfer add = new() { Address = _page.Value, ElementBytes = 8 };
        SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.AtomicAdd, &add);
        Assert.Equal((SvmStatus.ReadOnly, MemoryAccess.Atomic, _page), (launch.Status, launch.FaultAccess, launch.FaultAddress));
        Assert.StartsWith("An atomic operation at", launch.Message, StringComparison.Ordinal);
        Assert.Equal(0, *_host);
    }

    /// <summary>Loads, stores, windows and atomics on a peer's memory, from two devices at once.</summary>
    [Fact]
    public void APeersMemoryIsReachedLikeOnesOwn()
    {
        using TestGpu owner = NewGpu(gpu => gpu.BindFresh(_page, PageOrder.Small));
        using TestGpu peer = NewGpu(gpu =>
        {
            if (gpu.Table.Lookup(_page).IsPresent)
                return SvmStatus.Done; // The other unit was first.
            DeviceFrame frame = owner.Table.Lookup(_page).Frame;
            SvmStatus status = owner.Device.MapForPeer(gpu.Device, frame, PageOrder.Small, writable: true, out DeviceAddress address);
            return status == SvmStatus.Done ? gpu.Bind(_page, address) : status;
        });
        Assert.Equal(SvmStatus.Done, owner.BindFresh(_page, PageOrder.Small));
        TestKernels.Transfer mine = new() { Address = _page.Value, ElementBytes = 8 };
        TestKernels.Transfer theirs = mine;
        Assert.Equal(SvmStatus.Done, owner.Device.Queue.Start(owner.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.AtomicAdd, (nint)(&mine), 20, out SoftwareGpuLaunch first));
        Assert.Equal(SvmStatus.Done, peer.Device.Queue.Start(peer.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.AtomicAdd, (nint)(&theirs), 20, out SoftwareGpuLaunch second));
        first.Wait();
        second.Wait();
        Assert.Equal(("", ""), (first.Message, second.Message));
        long sum = 0;
        TestKernels.Transfer read = new() { Address = _page.Value, Buffer = &sum, Bytes = 8 };
        peer.Run(&TestKernels.Read, &read);
        Assert.Equal(40 * 1500, sum);
        Assert.Equal(1, owner.Device.LivePeerPages);
        DeviceAddress mapped = peer.Table.Lookup(_page);
        Assert.Equal(AddressProtocol.Peer, mapped.Protocol);
        owner.Device.UnmapForPeer(peer.Device, mapped);
        Assert.Equal(0, owner.Device.LivePeerPages);
        Assert.Throws<InvalidOperationException>(() => owner.Device.UnmapForPeer(peer.Device, mapped));
    }

    private static DeviceAddress OnHostOf(long* host, bool exclusive) => new((ulong)host, AddressProtocol.System, PageOrder.Small, writable: true, isExclusive: exclusive);

    private DeviceAddress OnHost(bool exclusive) => OnHostOf(_host, exclusive);

    private TestGpu NewGpu(Func<TestGpu, SvmStatus> serve) => new(serve: (gpu, fault) =>
    {
        _faults.Enqueue(fault.Access);
        return serve(gpu);
    });

    private static void Add(TestGpu gpu, ulong groups)
    {
        TestKernels.Transfer add = new() { Address = _page.Value, ElementBytes = 8 };
        gpu.Run(&TestKernels.AtomicAdd, &add, groups);
        Assert.Equal(0, add.Result);
    }
}
