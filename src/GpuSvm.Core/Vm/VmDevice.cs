// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Core.Vm;

/// <summary>One of the devices of a <see cref="GpuVm"/>, with its page table and its memory. Kernel: one SVM instance serving many devices, as amdgpu has it.</summary>
public sealed class VmDevice
{
    /// <summary>Makes a device part of a VM.</summary>
    /// <param name="host">The host address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="index">Its number in the VM, from 0.</param>
    /// <param name="ownerToken">The owner group of its memory, not 0.</param>
    internal VmDevice(HostAddressSpace host, IGpuDevice device, int index, int ownerToken)
    {
        Device = device;
        Index = index;
        PageTable = device.CreatePageTable(out int addressSpaceId);
        AddressSpaceId = addressSpaceId;
        Pagemap = new Pagemap(host, device, ownerToken);
        Migrator = new RangeMigrator(host, Pagemap);
        Binder = new RangeBinder(this);
    }

    /// <summary>The device.</summary>
    public IGpuDevice Device { get; }

    /// <summary>Its number in the VM.</summary>
    public int Index { get; }

    /// <summary>Its page table for the VM.</summary>
    public IDevicePageTable PageTable { get; }

    /// <summary>The number that its faults carry for the VM.</summary>
    public int AddressSpaceId { get; }

    /// <summary>Its memory.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>Moves pages to it.</summary>
    internal RangeMigrator Migrator { get; }

    /// <summary>Commits its page-table entries.</summary>
    internal RangeBinder Binder { get; }
}
