// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>One VM with two devices: one set of ranges, a pages object for each device .</summary>
public sealed class SeveralDevicesVmTests
{
    [Fact]
    public void EachDeviceHasItsOwnPagesOfOneRange()
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new SystemPlacement() });
        Assert.Equal(SvmStatus.Done, pair.Fault(0));
        GpuRange range = pair.Range();
        Assert.NotNull(range.PagesOf(0));
        Assert.Null(range.PagesOf(1));
        Assert.Equal(SvmStatus.Done, pair.Fault(1));
        Assert.Equal(1, pair.Vm.Mirror.RangeCount);
        Assert.True(range.PagesOf(1)!.IsBound);
        Assert.NotEqual(range.PagesOf(0), range.PagesOf(1));
        pair.Check();
        Assert.Equal(SvmStatus.Done, pair.Memory.DontNeed(pair.Interval));
        Assert.False(range.PagesOf(0)!.HasDmaMapping || range.PagesOf(1)!.HasDmaMapping);
        pair.Check();
    }

    [Fact]
    public void OneHostFaultFeedsBothDevices()
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new SystemPlacement(), ShareMappings = true });
        int hmmFaults = 0;
        SchedulePoint.Install((kind, _) => hmmFaults += kind == SchedulePointKind.HmmFault ? 1 : 0);
        Assert.Equal(SvmStatus.Done, pair.Fault(0));
        Assert.Equal(1, hmmFaults);
        Assert.True(pair.Vm.Devices[1].PageTable.Lookup(pair.Interval.Start).IsPresent);
        Assert.Equal(SvmStatus.Done, pair.Fault(1)); // Finds it bound.
        Assert.Equal(1, hmmFaults);
        SchedulePoint.Install(null);
        Assert.Equal((1, 1), (pair.Vm.Counters.SharedMaps, pair.Vm.Counters.Valid));
        pair.Check();
    }

    [Fact]
    public void PagesOnOneDeviceAreMappedByTheOtherWhereTheyAre()
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new OnlyOnce(), ShareMappings = true });
        Assert.Equal(SvmStatus.Done, pair.Fault(0));
        DeviceAddress own = pair.Vm.Devices[0].PageTable.Lookup(pair.Interval.Start);
        DeviceAddress peer = pair.Vm.Devices[1].PageTable.Lookup(pair.Interval.Start);
        Assert.Equal((AddressProtocol.LocalMemory, AddressProtocol.Peer), (own.Protocol, peer.Protocol));
        Assert.Equal(512, pair.Devices[0].LivePeerPages);
        pair.Check();
        Assert.Equal(SvmStatus.Done, pair.Vm.Devices[0].Pagemap.EvictOne()); // the peer loses its mapping before the frames go.
        Assert.Equal(0, pair.Devices[0].LivePeerPages);
        Assert.False(pair.Vm.Devices[1].PageTable.Lookup(pair.Interval.Start).IsPresent);
        pair.Check();
    }

    /// <summary>R-30: an unmap marks every device's pages, whether mapped or not, and unmaps those that are.</summary>
    [Theory]
    [InlineData(PartialUnmapMode.Split)]
    [InlineData(PartialUnmapMode.Kill)]
    public void AnUnmapReachesMappedAndUnmappedPagesObjects(PartialUnmapMode mode)
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new SystemPlacement(), PartialUnmap = mode });
        AddressRange mapped = AddressRange.OfBytes(pair.Interval.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, pair.Memory.Map(mapped.Start, mapped.Bytes));
        Assert.Equal(SvmStatus.Done, pair.Fault(0, mapped.Start));
        Assert.Equal(SvmStatus.Done, pair.Fault(1, mapped.Start));
        GpuRange range = pair.Range(mapped.Start);
        using (range.Notifier.Lock.EnterWrite())
        {
            range.PagesOf(1)!.IsBound = false;
            pair.Vm.Devices[1].PageTable.Zap(range.Interval);
            range.PagesOf(1)!.UnmapLocked(range.Notifier);
        }

        Assert.Equal(SvmStatus.Done, pair.Memory.Unmap(AddressRange.OfPages(mapped.Start, 16)));
        Assert.True(range.PagesOf(0)!.IsUnmapped && range.PagesOf(1)!.IsUnmapped);
        pair.Vm.Collect();
        pair.Check();
        Assert.Equal(SvmStatus.NotMapped, pair.Fault(1, mapped.Start));
        Assert.Equal(SvmStatus.Done, pair.Fault(1, mapped.Start + (16 * PageSize.Bytes)));
        pair.Check();
        Assert.Equal(SvmStatus.Done, pair.Memory.Unmap(mapped));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AMapThatFailsForOneDeviceLeavesNeitherMapped(int nth)
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new SystemPlacement(), ShareMappings = true, ChunkOrders = [PageOrder.Small] });
        Injection.Reset();
        Injection.Arm(InjectionPoint.DmaMap, nth);
        Assert.Equal(SvmStatus.CopyFailed, pair.Fault(0));
        Injection.Reset();
        Assert.Equal(0, pair.Devices[0].DmaMapper.LivePages + pair.Devices[1].DmaMapper.LivePages);
        pair.Check();
        Assert.Equal(SvmStatus.Done, pair.Fault(0));
        pair.Check();
    }

    /// <summary>Two devices' flushes overlap: both are begun before the first is waited for.</summary>
    [Fact]
    public void TwoVmsOfOneAddressSpaceAreBothStartedBeforeOneIsFinished()
    {
        using var pair = new Pair(new GpuVmOptions { Placement = new SystemPlacement() });
        using var other = new GpuVm(pair.Host, pair.Devices[1], new GpuVmOptions { Placement = new SystemPlacement() });
        Assert.Equal(SvmStatus.Done, pair.Fault(0));
        Assert.Equal(SvmStatus.Done, other.FaultHandler.Handle(new GpuFault(pair.Interval.Start, MemoryAccess.Write, other.AddressSpaceId, 0, 0)));
        var order = new List<RankedReaderWriterLock>();
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.Notifier } taken)
                order.Add(taken);
        });
        Assert.Equal(SvmStatus.Done, pair.Memory.DontNeed(pair.Interval));
        SchedulePoint.Install(null);
        Assert.NotEqual(order[0], order[1]); // One is started, then the other; only then is the first finished.
        Assert.Equal(order[0], order[2]);
        Assert.Equal(0, pair.Devices[0].DmaMapper.LivePages + pair.Devices[1].DmaMapper.LivePages);
    }

    [Fact]
    public void PrefetchGoesToTheDeviceThatIsNamed()
    {
        using var pair = new Pair(new GpuVmOptions());
        Assert.Equal(SvmStatus.Done, pair.Vm.Prefetch(pair.Interval, PrefetchTarget.Device, out PrefetchResult result, device: 1));
        Assert.Equal(pair.Interval.Bytes, result.MovedBytes);
        Assert.Equal((0, 1), (pair.Vm.Devices[0].Pagemap.AllocationCount, pair.Vm.Devices[1].Pagemap.AllocationCount));
        pair.Check();
    }

    [Fact]
    public void AnAddressEntryTakesEightBytes() => Assert.Equal(8, System.Runtime.CompilerServices.Unsafe.SizeOf<DeviceAddress>());

    /// <summary>A device that reaches RAM by the CPU's own addresses: the same calls, and nothing is mapped.</summary>
    [Fact]
    public void ADeviceWithoutADmaMapperReachesPagesWhereTheyAre()
    {
        using var pair = new Pair(new GpuVmOptions());
        using var device = new WithoutDmaMapper(new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 }));
        using var vm = new GpuVm(pair.Host, device, new GpuVmOptions { Placement = new SystemPlacement() });
        Assert.Equal(SvmStatus.Done, pair.Memory.CpuWrite(pair.Interval.Start, [7]));
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(pair.Interval.Start, MemoryAccess.Write, vm.AddressSpaceId, 0, 0)));
        DeviceAddress bound = vm.PageTable.Lookup(pair.Interval.Start);
        Assert.Equal(AddressProtocol.System, bound.Protocol);
        unsafe
        {
            Assert.Equal(7, *(byte*)bound.Address); // SAFETY: a page in RAM that was just bound; nothing takes it away meanwhile.
        }

        Assert.Empty(InvariantChecker.Check(vm));
        Assert.Equal(SvmStatus.Done, pair.Memory.DontNeed(pair.Interval));
        Assert.False(vm.PageTable.Lookup(pair.Interval.Start).IsPresent);
    }

    /// <summary>A software GPU that says it needs no DMA mapping.</summary>
    private sealed class WithoutDmaMapper(SoftwareGpuDevice device) : IGpuDevice
    {
        public string Name => device.Name;

        public IDeviceMemory Memory => device.Memory;

        public ICopyEngine CopyEngine => device.CopyEngine;

        public IDmaMapper? DmaMapper => null;

        public IFaultBuffer FaultBuffer => device.FaultBuffer;

        public bool IsUnplugged => device.IsUnplugged;

        public long LivePeerPages => device.LivePeerPages;

        public int LinkGroup => device.LinkGroup;

        public void BeginUnplug() => device.BeginUnplug();

        public bool TryHold() => device.TryHold();

        public void DropHold() => device.DropHold();

        public SvmStatus MapForPeer(IGpuDevice peer, DeviceFrame first, PageOrder order, bool writable, out DeviceAddress address) =>
            device.MapForPeer(peer, first, order, writable, out address);

        public void UnmapForPeer(IGpuDevice peer, DeviceAddress address) => device.UnmapForPeer(peer, address);

        public IDevicePageTable CreatePageTable(out int addressSpaceId) => device.CreatePageTable(out addressSpaceId);

        public void Dispose() => device.Dispose();
    }

    /// <summary>Moves on the first call only.</summary>
    private sealed class OnlyOnce : IPlacementPolicy
    {
        private bool _done;

        public bool ShouldMigrate(in PlacementFacts facts) => !_done && (_done = true);
    }

    /// <summary>An address space with one VM of two devices.</summary>
    private sealed class Pair : IDisposable
    {
        public Pair(GpuVmOptions options)
        {
            Memory = new SimulatedHostMemory();
            Host = new HostAddressSpace(Memory);
            Devices = [NewDevice(), NewDevice()];
            Vm = new GpuVm(Host, [Devices[0], Devices[1]], options);
            Assert.Equal(SvmStatus.Done, Host.Allocate(PageSize.HugeBytes, out AddressRange interval));
            Interval = interval;
        }

        public SimulatedHostMemory Memory { get; }

        public HostAddressSpace Host { get; }

        public SoftwareGpuDevice[] Devices { get; }

        public GpuVm Vm { get; }

        public AddressRange Interval { get; }

        public SvmStatus Fault(int device, VirtualAddress? address = null) =>
            Vm.FaultHandler.Handle(new GpuFault(address ?? Interval.Start, MemoryAccess.Write, Vm.Devices[device].AddressSpaceId, 0, 0), device);

        public GpuRange Range(VirtualAddress? address = null)
        {
            var range = (GpuRange)Vm.Mirror.FirstRange(AddressRange.OfPages(address ?? Interval.Start, 1))!;
            range.Put();
            return range;
        }

        public void Check() => Assert.Empty(InvariantChecker.Check(Vm));

        public void Dispose()
        {
            SchedulePoint.Install(null);
            Check();
            Vm.Dispose();
            foreach (SoftwareGpuDevice device in Devices)
            {
                Assert.Equal(0, device.DmaMapper.LivePages + device.LivePeerPages);
                Assert.Equal(device.Memory.Pages, device.Memory.FreePages);
                device.Dispose();
            }

            Memory.VerifyNoLeaks();
            Host.Dispose();
        }

        private static SoftwareGpuDevice NewDevice() => new(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
    }
}
