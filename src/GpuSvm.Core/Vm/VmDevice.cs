// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Core.Vm;

/// <summary>One of the devices of a <see cref="GpuVm"/>, with its page table and its memory. Kernel: one SVM instance serving many devices, as amdgpu has it.</summary>
public sealed class VmDevice
{
    private int _reservedPages; // Until Unreserve.

    /// <summary>Makes a device part of a VM.</summary>
    /// <param name="host">The host address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="index">Its number in the VM, from 0.</param>
    /// <param name="options">How the VM behaves.</param>
    /// <exception cref="DeviceUnavailableException">The device is unplugged or closed, the address space has ended, or there is no memory for a pagemap.</exception>
    /// <exception cref="ArgumentException">What the VM wants to reserve is not to be had.</exception>
    /// <exception cref="NotSupportedException">The VM is to be without faults, and the device cannot stop its queues.</exception>
    internal VmDevice(HostAddressSpace host, IGpuDevice device, int index, GpuVmOptions options)
    {
        Device = device;
        Host = host;
        Index = index;
        SvmStatus status = DevicePagemaps.Of(device).CacheFor(host).Get(out Pagemap? pagemap);
        if (status != SvmStatus.Done)
            throw new DeviceUnavailableException(device, status);
        Pagemap = pagemap!;
        try
        {
            if (!TryReserve(options.ReservedBytes))
                throw new ArgumentException($"{options.ReservedBytes} bytes of a device's memory cannot be reserved: it has less, or other VMs have reserved it.", nameof(options));
            PageTable = device.CreatePageTable(out int addressSpaceId);
            AddressSpaceId = addressSpaceId;
            Queues = options.WithoutFaults ? PageTable.UseWithoutFaults() : null;
        }
        catch
        {
            PageTable?.Dispose();
            Unreserve();
            _ = Pagemap.EndUse(); // It has brought nothing.
            Pagemap.Put();
            throw;
        }

        Migrator = new RangeMigrator(this, options.Timeslice);
        Binder = new RangeBinder(this);
    }

    /// <summary>The device.</summary>
    public IGpuDevice Device { get; }

    /// <summary>The address space that the VM mirrors.</summary>
    internal HostAddressSpace Host { get; }

    /// <summary>Its number in the VM.</summary>
    public int Index { get; }

    /// <summary>Its page table for the VM.</summary>
    public IDevicePageTable PageTable { get; }

    /// <summary>The number that its faults carry for the VM.</summary>
    public int AddressSpaceId { get; }

    /// <summary>What stops and resumes what runs on it in the VM; null in a VM with faults.</summary>
    internal IDeviceQueues? Queues { get; }

    /// <summary>Its memory.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>Keeps some of its memory free; null where nothing is to be kept free.</summary>
    internal EvictionAhead? Ahead { get; set; }

    /// <summary>Brings what it often uses elsewhere; null where nothing does.</summary>
    internal AccessCounterService? AccessCounters { get; set; }

    /// <summary>Moves pages to it.</summary>
    internal RangeMigrator Migrator { get; }

    /// <summary>Commits its page-table entries.</summary>
    internal RangeBinder Binder { get; }

    /// <summary>Reserves some of its memory for the VM.</summary>
    /// <param name="bytes">How much.</param>
    /// <returns>False if that much cannot be reserved.</returns>
    private bool TryReserve(long bytes)
    {
        long pages = bytes >> Addressing.PageSize.Shift;
        if (pages > Device.Memory.Pages || (pages > 0 && !DevicePagemaps.Of(Device).Shares.TryReserve(Pagemap, (int)pages)))
            return false;
        _reservedPages = (int)pages;
        return true;
    }

    /// <summary>Gives up what was reserved.</summary>
    internal void Unreserve()
    {
        if (_reservedPages > 0)
            _ = DevicePagemaps.Of(Device).Shares.TryReserve(Pagemap, -_reservedPages); // Less is always possible.
        _reservedPages = 0;
    }

    /// <summary>Lets go of a device that was not used: what a VM does that cannot have all of its devices.</summary>
    internal void Release()
    {
        PageTable.Dispose();
        Unreserve();
        _ = Pagemap.EndUse(); // It has brought nothing; if others have, what is left is theirs.
        Pagemap.Put();
    }
}
