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
    /// <param name="timeslice">How long pages that its faults have brought stay there whatever the CPU does.</param>
    /// <exception cref="InvalidOperationException">The device is unplugged or closed, or the address space has ended.</exception>
    internal VmDevice(HostAddressSpace host, IGpuDevice device, int index, TimeSpan timeslice)
    {
        Device = device;
        Index = index;
        SvmStatus status = DevicePagemaps.Of(device).CacheFor(host).Get(out Pagemap? pagemap);
        if (status != SvmStatus.Done)
            throw new InvalidOperationException($"The device '{device.Name}' cannot be used: {status.Describe()}.");
        Pagemap = pagemap!;
        PageTable = device.CreatePageTable(out int addressSpaceId);
        AddressSpaceId = addressSpaceId;
        Migrator = new RangeMigrator(Pagemap, timeslice);
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
