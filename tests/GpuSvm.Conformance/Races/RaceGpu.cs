// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Conformance.Races;

/// <summary>One device of a machine for races. The test itself makes its accesses, through its page table.</summary>
public sealed class RaceGpu
{
    private readonly RaceMachine _machine;

    /// <summary>Describes a device.</summary>
    /// <param name="machine">Where it is.</param>
    /// <param name="vm">Its address space.</param>
    /// <param name="number">Its number there.</param>
    /// <param name="device">The device.</param>
    public RaceGpu(RaceMachine machine, GpuVm vm, int number, SoftwareGpuDevice device)
    {
        _machine = machine;
        Vm = vm;
        Number = number;
        Device = device;
    }

    /// <summary>Its address space.</summary>
    public GpuVm Vm { get; }

    /// <summary>Its number there.</summary>
    public int Number { get; }

    /// <summary>The device.</summary>
    public SoftwareGpuDevice Device { get; }

    /// <summary>Its memory as a home for pages.</summary>
    public Core.Pagemaps.Pagemap Pagemap => Vm.Devices[Number].Pagemap;

    /// <summary>Frames of its memory that nobody has.</summary>
    public bool IsEmpty => Device.Memory.FreePages == Device.Memory.Pages;

    /// <summary>Has a fault served.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">What was tried.</param>
    /// <returns>What became of it.</returns>
    public SvmStatus Fault(VirtualAddress address, MemoryAccess access = MemoryAccess.Write) =>
        Vm.FaultHandler.Handle(new GpuFault(address, access, Vm.Devices[Number].AddressSpaceId, 0, 0), Number);

    /// <summary>The page table's entry of an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The entry.</returns>
    public DeviceAddress Lookup(VirtualAddress address) => Vm.Devices[Number].PageTable.Lookup(address);

    /// <summary>The range at an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The range, which the caller only compares or looks at; null if there is none.</returns>
    public GpuRange? RangeAt(VirtualAddress address)
    {
        var range = (GpuRange?)Vm.Mirror.FirstRange(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1));
        range?.Put();
        return range;
    }

    /// <summary>Whether a page's bytes are in this device's memory.</summary>
    /// <param name="address">The page.</param>
    /// <returns>True if they are.</returns>
    public bool Holds(VirtualAddress address)
    {
        PageEntry entry = _machine.EntryOf(address);
        return entry.IsDevice && entry.Pagemap == Pagemap.Index;
    }

    /// <summary>Stores a number as the device: translate, fault, replay. No event may come in between.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The number.</param>
    public void Store(VirtualAddress address, long value)
    {
        nint pointer = Translate(address, MemoryAccess.Write, out bool isRam);
        if (isRam)
            _machine.Fixture.DmaWrite(_machine.Memory, new DmaPointer(pointer), BitConverter.GetBytes(value));
        else
            DmaBytes.Write(new DmaPointer(pointer), BitConverter.GetBytes(value));
    }

    /// <summary>Loads a number as the device.</summary>
    /// <param name="address">Where.</param>
    /// <returns>The number.</returns>
    public long Load(VirtualAddress address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        nint pointer = Translate(address, MemoryAccess.Read, out bool isRam);
        if (isRam)
            _machine.Fixture.DmaRead(_machine.Memory, new DmaPointer(pointer), bytes);
        else
            DmaBytes.Read(new DmaPointer(pointer), bytes);
        return BitConverter.ToInt64(bytes);
    }

    /// <summary>Stores in every page of an interval its index plus one.</summary>
    /// <param name="interval">The pages.</param>
    public void Fill(AddressRange interval)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
            Store(RaceMachine.PageOf(interval, page), page + 1);
    }

    /// <summary>Translates an address, faulting where needed.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">What is wanted.</param>
    /// <param name="isRam">Whether the pointer is one into RAM.</param>
    /// <returns>A pointer to the byte.</returns>
    private nint Translate(VirtualAddress address, MemoryAccess access, out bool isRam)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            DeviceAddress entry = Lookup(address);
            if (entry.IsPresent && (access == MemoryAccess.Read || entry.IsWritable))
            {
                isRam = entry.Protocol == AddressProtocol.System;
                nint page = (nint)entry.Address + (entry.Protocol == AddressProtocol.LocalMemory ? Device.Memory.BasePointer : 0);
                return page + (nint)(address.Value & (PageSize.Bytes - 1));
            }

            Assert.Equal(SvmStatus.Done, Fault(address, access));
        }

        throw new InvalidOperationException($"{address} cannot be translated: the page table never gets its entry.");
    }
}
