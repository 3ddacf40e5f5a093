// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>
/// One device-side mapping: an address, how to reach it, how many pages it covers and in which direction, packed into 8 bytes.
/// Bits 12 to 51 hold the page-aligned address, 0 to 4 the order, 5 to 6 the protocol, 7 "device may write", 8 "present", 9 "atomics are atomic against the CPU", 10 "a copy".
/// Kernel: struct drm_pagemap_addr, which takes 16 bytes.
/// </summary>
public readonly record struct DeviceAddress
{
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const ulong WritableBit = 1UL << 7;
    private const ulong PresentBit = 1UL << 8;
    private const ulong AtomicBit = 1UL << 9;
    private const ulong CopyBit = 1UL << 10;

    private readonly ulong _bits;

    /// <summary>Packs a mapping.</summary>
    /// <param name="address">A page-aligned address below 2^52, in the protocol's own terms.</param>
    /// <param name="protocol">How to reach it.</param>
    /// <param name="order">How many pages it covers.</param>
    /// <param name="writable">Whether the device may write through it; false maps to-device only.</param>
    /// <param name="isExclusive">Whether the page, though in system memory, is the device's alone, so that its atomics are atomic against the CPU too.</param>
    public DeviceAddress(ulong address, AddressProtocol protocol, PageOrder order, bool writable, bool isExclusive = false)
    {
        if ((address & ~AddressMask) != 0)
            throw new ArgumentOutOfRangeException(nameof(address), address, "A device address must be 4 KiB aligned and below 2^52.");
        _bits = address | order.Value | ((ulong)protocol << 5) | (writable ? WritableBit : 0) | (isExclusive ? AtomicBit : 0) | PresentBit;
    }

    /// <summary>Takes bits over.</summary>
    /// <param name="bits">As described above.</param>
    private DeviceAddress(ulong bits) => _bits = bits;

    /// <summary>The address in the protocol's terms, in bytes.</summary>
    public ulong Address => _bits & AddressMask;

    /// <summary>How many pages it covers.</summary>
    public PageOrder Order => new((byte)(_bits & 31));

    /// <summary>How the device reaches it.</summary>
    public AddressProtocol Protocol => (AddressProtocol)((_bits >> 5) & 3);

    /// <summary>Whether the device may write through it.</summary>
    public bool IsWritable => (_bits & WritableBit) != 0;

    /// <summary>Whether the page is the device's alone although it is in system memory.</summary>
    public bool IsExclusive => (_bits & AtomicBit) != 0;

    /// <summary>Whether it is a copy, the mapping's own, of a page that stays in RAM: the frame goes with the mapping.</summary>
    public bool IsCopy => (_bits & CopyBit) != 0;

    /// <summary>Whether the device's atomics are atomic against everybody: writable, and on a device or exclusive.</summary>
    public bool AllowsAtomics => IsWritable && (Protocol != AddressProtocol.System || IsExclusive);

    /// <summary>Whether this is a mapping at all; the default value is not.</summary>
    public bool IsPresent => (_bits & PresentBit) != 0;

    /// <summary>The frame of the device's own memory; only for <see cref="AddressProtocol.LocalMemory"/>.</summary>
    public DeviceFrame Frame => new((int)(Address >> PageSize.Shift));

    /// <summary>The same mapping, of a page that is the device's alone.</summary>
    /// <returns>The mapping.</returns>
    public DeviceAddress AsExclusive() => new(Address, Protocol, Order, IsWritable, isExclusive: true);

    /// <summary>The same mapping, of a copy that goes with it.</summary>
    /// <returns>The mapping.</returns>
    public DeviceAddress AsCopy() => new(_bits | CopyBit);

    /// <summary>The mapping of one part of this one.</summary>
    /// <param name="pageOffset">Pages to skip from its start.</param>
    /// <param name="order">The part's order.</param>
    /// <returns>The part's mapping.</returns>
    public DeviceAddress Part(int pageOffset, PageOrder order) =>
        new((_bits & ~(AddressMask | 31)) | (Address + ((ulong)pageOffset << PageSize.Shift)) | order.Value);
}
