// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>One more device over a machine's address space, with a VM of its own.</summary>
internal sealed unsafe class PeerMachine : IDisposable
{
    private readonly Machine _machine;
    private readonly HostAddressSpace _host;

    /// <summary>Adds a device to a machine.</summary>
    /// <param name="machine">The machine; outlives this.</param>
    /// <param name="devicePages">Device memory in pages.</param>
    /// <param name="placement">Where touched pages go; null leaves them where they are.</param>
    /// <param name="linkGroup">Which devices it can reach.</param>
    /// <param name="units">Compute units.</param>
    /// <param name="engineThread">Whether its copy engine works beside its callers.</param>
    /// <param name="iommuBytes">Device addresses, if the device stands behind an IOMMU.</param>
    public PeerMachine(
        Machine machine, int devicePages = 2048, IPlacementPolicy? placement = null, int linkGroup = 1, int units = 1, bool engineThread = false, long iommuBytes = 0)
    {
        _machine = machine;
        _host = machine.Host;
        Device = new SoftwareGpuDevice(new SoftwareGpuOptions
        {
            MemoryBytes = (long)devicePages * PageSize.Bytes,
            ComputeUnits = units,
            LinkGroup = linkGroup,
            IommuBytes = iommuBytes,
            CopyEngineThread = engineThread,
            InlineCopyBytes = engineThread ? 0 : 64 << 10,
        });
        new GpuVm(_host, Device, new GpuVmOptions()).Dispose(); // Leaves an idle pagemap, which the next one revives.
        Assert.Equal(1, DevicePagemaps.Of(Device).Shrinker.Count);
        Vm = new GpuVm(_host, Device, Machine.Alone(new GpuVmOptions { Placement = placement ?? new SystemPlacement() }));
        machine.Peers.Add(Vm);
    }

    /// <summary>The device.</summary>
    public SoftwareGpuDevice Device { get; }

    /// <summary>Its VM.</summary>
    public GpuVm Vm { get; }

    /// <summary>Has a fault served.</summary>
    public SvmStatus Fault(VirtualAddress address, MemoryAccess access = MemoryAccess.Write) =>
        Vm.FaultHandler.Handle(new GpuFault(address, access, Vm.AddressSpaceId, 0, 0));

    /// <summary>Writes as this device, through its page table.</summary>
    public void Store(VirtualAddress address, long value) => *Translate(address, MemoryAccess.Write) = value;

    /// <summary>Reads as this device, through its page table.</summary>
    public long Load(VirtualAddress address) => *Translate(address, MemoryAccess.Read);

    /// <summary>The page table's entry of an address.</summary>
    public DeviceAddress Lookup(VirtualAddress address) => Vm.PageTable.Lookup(address);

    /// <summary>Whether a page's bytes are on this device.</summary>
    public bool Holds(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        _host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0].IsDevice && entry[0].Pagemap == Vm.Pagemap.Index;
    }

    /// <summary>Takes the device away and asserts that nothing leaked: no frame, no mapping of its memory or made by it.</summary>
    public void Dispose()
    {
        Locking.SchedulePoint.Install(null);
        _machine.Check();
        _machine.Peers.Remove(Vm);
        Vm.Dispose();
        Assert.Equal(Device.Memory.Pages, Device.Memory.FreePages);
        Assert.Equal(0, Device.DmaMapper.LivePages);
        Assert.Equal(Device.Iommu?.Pages, Device.Iommu?.FreePages);
        Assert.Equal(0, Device.LivePeerPages);
        Device.Dispose();
        Assert.Equal(0, Device.Holds);
    }

    private long* Translate(VirtualAddress address, MemoryAccess access)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            DeviceAddress entry = Lookup(address);
            if (entry.IsPresent && (access == MemoryAccess.Read || entry.IsWritable))
            {
                // SAFETY: a translation just looked up; the test is its only user.
                nint page = entry.Protocol == AddressProtocol.System && Device.Iommu is { } iommu
                    ? iommu.PointerOf(entry.Address).Value
                    : (entry.Protocol == AddressProtocol.LocalMemory ? Device.Memory.BasePointer : 0) + (nint)entry.Address;
                return (long*)(page + (nint)(address.Value & (PageSize.Bytes - 1)));
            }

            Assert.Equal(SvmStatus.Done, Fault(address, access));
        }

        throw new InvalidOperationException($"{address} cannot be translated.");
    }
}
