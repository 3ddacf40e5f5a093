// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A leaf entry of the page table, 8 bytes, written and read with one store and one load. Bits 12 to 51 hold the target's address; bit 0 "present", bit 1
/// "writable", bits 2 and 3 the protocol, bits 4 and 5 the size class, bit 6 "exclusive". All zero is "no entry". An entry that points to a lower table has the low twelve bits zero.
/// </summary>
/// <param name="Bits">The packed value.</param>
internal readonly record struct SoftwareGpuPte(ulong Bits)
{
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const ulong PresentBit = 1;
    private const ulong WritableBit = 2;
    private const int ProtocolShift = 2;
    private const int ClassShift = 4;
    private const ulong ExclusiveBit = 64;

    /// <summary>Packs an entry.</summary>
    /// <param name="target">The target's address, aligned to 4 KiB.</param>
    /// <param name="protocol">How to reach it.</param>
    /// <param name="writable">Whether units may write.</param>
    /// <param name="size">The translation's size class.</param>
    /// <param name="exclusive">Whether the target, though in system memory, is the device's alone.</param>
    internal SoftwareGpuPte(ulong target, AddressProtocol protocol, bool writable, SoftwareGpuPageClass size, bool exclusive = false)
        : this(target | PresentBit | (writable ? WritableBit : 0) | ((ulong)protocol << ProtocolShift) | ((ulong)size << ClassShift) | (exclusive ? ExclusiveBit : 0))
    {
    }

    /// <summary>Whether it is a translation; a pointer to a lower table and "no entry" are not.</summary>
    internal bool IsPresent => (Bits & PresentBit) != 0;

    /// <summary>Whether units may write.</summary>
    internal bool IsWritable => (Bits & WritableBit) != 0;

    /// <summary>Whether the target, though in system memory, is the device's alone: no CPU can come between a unit's load and store.</summary>
    internal bool IsExclusive => (Bits & ExclusiveBit) != 0;

    /// <summary>Whether units may use it for atomics. Mirrors <see cref="DeviceAddress.AllowsAtomics"/>.</summary>
    internal bool AllowsAtomics => IsWritable && (Protocol != AddressProtocol.System || IsExclusive);

    /// <summary>How the target is reached.</summary>
    internal AddressProtocol Protocol => (AddressProtocol)((Bits >> ProtocolShift) & 3);

    /// <summary>How large the translation is that this entry is, or is a part of.</summary>
    internal SoftwareGpuPageClass Size => (SoftwareGpuPageClass)((Bits >> ClassShift) & 3);

    /// <summary>The target: of the entry's own page for 4 KiB and for each of the 16 entries of a 64 KiB block, of the whole block for 2 MiB.</summary>
    internal ulong Target => Bits & AddressMask;

    /// <summary>The same entry as a 4 KiB one.</summary>
    /// <param name="page">Which page of a 2 MiB entry; 0 for the others.</param>
    /// <returns>The part's entry.</returns>
    internal SoftwareGpuPte SmallPart(int page) => new(Target + ((ulong)page << PageSize.Shift), Protocol, IsWritable, SoftwareGpuPageClass.Small, IsExclusive);

    /// <summary>The same translation in the contract's words, one page long.</summary>
    /// <param name="page">Which page of a 2 MiB entry; 0 for the others.</param>
    /// <returns>A mapping of order 0; not present if this is not.</returns>
    internal DeviceAddress ToDeviceAddress(int page) =>
        IsPresent ? new DeviceAddress(Target + ((ulong)page << PageSize.Shift), Protocol, PageOrder.Small, IsWritable, IsExclusive) : default;
}
