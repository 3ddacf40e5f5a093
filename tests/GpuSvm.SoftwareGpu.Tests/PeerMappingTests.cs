// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>What other devices map of a device's memory, and how long that memory lives.</summary>
public sealed unsafe class PeerMappingTests
{
    private static readonly SoftwareGpuOptions _small = new() { MemoryBytes = 1 << 20, ComputeUnits = 1 };

    [Fact]
    public void OnlyDevicesOfOneLinkGroupReachEachOther()
    {
        using var device = new SoftwareGpuDevice(_small);
        using var peer = new SoftwareGpuDevice(_small);
        using var stranger = new SoftwareGpuDevice(_small with { LinkGroup = 2 });
        Assert.Equal(SvmStatus.NotSupported, device.MapForPeer(stranger, new DeviceFrame(0), PageOrder.Small, writable: true, out _));
        Assert.Equal(SvmStatus.NotSupported, device.MapForPeer(device, new DeviceFrame(0), PageOrder.Small, writable: true, out _));
        Assert.Equal(SvmStatus.CopyFailed, device.MapForPeer(peer, new DeviceFrame(256), PageOrder.Small, writable: true, out _));
        Assert.Equal(SvmStatus.Done, device.MapForPeer(peer, new DeviceFrame(16), PageOrder.Medium, writable: false, out DeviceAddress address));
        Assert.Equal(((ulong)device.Memory.BasePointer + 65536, AddressProtocol.Peer, false), (address.Address, address.Protocol, address.IsWritable));
        Assert.Equal((16, 17), (device.LivePeerPages, device.Holds));
        device.UnmapForPeer(peer, address.Part(0, new PageOrder(3))); // Parts go apart.
        Assert.Equal(8, device.LivePeerPages);
        Assert.Throws<InvalidOperationException>(() => device.UnmapForPeer(peer, address));
        Assert.Throws<InvalidOperationException>(() => device.UnmapForPeer(stranger, address.Part(8, new PageOrder(3))));
        device.UnmapForPeer(peer, address.Part(8, new PageOrder(3)));
        Assert.Equal((0, 1), (device.LivePeerPages, device.Holds));
    }

    /// <summary>A peer that is late may still follow its pointer; the memory goes when it has let go.</summary>
    [Fact]
    public void ADeviceDisposedUnderAMappingKeepsItsMemoryUntilThePeerLetsGo()
    {
        var device = new SoftwareGpuDevice(_small);
        using var peer = new SoftwareGpuDevice(_small);
        Assert.Equal(SvmStatus.Done, device.MapForPeer(peer, new DeviceFrame(0), PageOrder.Small, writable: true, out DeviceAddress address));
        *(long*)address.Address = 5;
        device.Dispose();
        Assert.Equal(5, *(long*)address.Address);
        Assert.False(device.TryHold());
        Assert.Equal(SvmStatus.DeviceGone, device.MapForPeer(peer, new DeviceFrame(1), PageOrder.Small, writable: true, out _));
        device.UnmapForPeer(peer, address);
        DeferredWork.Flush();
        Assert.Equal(0, device.Holds);
        Assert.Equal(SvmStatus.DeviceGone, device.Memory.Allocate(PageOrder.Small, out _)); // Freed.
    }

    [Fact]
    public void AnUnpluggedDeviceRefusesLaunchesAndMappingsAndKeepsItsBytes()
    {
        using var gpu = new TestGpu();
        using var peer = new SoftwareGpuDevice(_small);
        var page = new VirtualAddress(0x5000_0000_0000);
        Assert.Equal(SvmStatus.Done, gpu.BindFresh(page, PageOrder.Small));
        *(long*)gpu.PointerTo(page) = 9;
        gpu.Device.BeginUnplug();
        gpu.Device.BeginUnplug();
        Assert.Equal(SvmStatus.DeviceGone, gpu.Device.Queue.Start(gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.Nothing, 0, 1, out SoftwareGpuLaunch launch));
        Assert.True(launch.IsComplete);
        Assert.Equal(SvmStatus.DeviceGone, gpu.Device.MapForPeer(peer, new DeviceFrame(0), PageOrder.Small, writable: true, out _));
        byte* copy = stackalloc byte[PageSize.Bytes];
        Assert.Equal(SvmStatus.Done, gpu.Device.CopyEngine.CopyToHost(gpu.Table.Lookup(page).Frame, new DmaPointer((nint)copy), 1, out _)); // The way home stays open.
        Assert.Equal(9, *(long*)copy);
    }
}
