// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>An address of the shared virtual address space, the same number for the CPU and for every GPU.</summary>
/// <param name="Value">The address in bytes; user-space addresses are below 2^47.</param>
public readonly record struct VirtualAddress(ulong Value) : IComparable<VirtualAddress>
{
    /// <summary>The number of the base page that holds the address.</summary>
    public ulong PageNumber => Value >> PageSize.Shift;

    /// <summary>The first address of a base page.</summary>
    /// <param name="pageNumber">The page's number.</param>
    /// <returns>The page's first byte.</returns>
    public static VirtualAddress OfPage(ulong pageNumber) => new(pageNumber << PageSize.Shift);

    /// <summary>The address rounded down to a block of the order.</summary>
    /// <param name="order">The block's order.</param>
    /// <returns>The block's first byte.</returns>
    public VirtualAddress AlignDown(PageOrder order) => new(Value & ~((ulong)order.Bytes - 1));

    /// <summary>Whether the address is the first byte of a block of the order.</summary>
    /// <param name="order">The block's order.</param>
    /// <returns>True if aligned.</returns>
    public bool IsAligned(PageOrder order) => (Value & ((ulong)order.Bytes - 1)) == 0;

    /// <summary>The naturally aligned block of the order that holds the address.</summary>
    /// <param name="order">The block's order.</param>
    /// <returns>The block's interval.</returns>
    public AddressRange Block(PageOrder order) => AddressRange.OfBytes(AlignDown(order), order.Bytes);

    /// <inheritdoc/>
    public int CompareTo(VirtualAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address as 0x and hexadecimal digits.</summary>
    /// <returns>For example 0x7f0000001000.</returns>
    public override string ToString() => $"0x{Value:x}";

    /// <summary>Moves up by bytes.</summary>
    public static VirtualAddress operator +(VirtualAddress address, long bytes) => new(address.Value + (ulong)bytes);

    /// <summary>Moves down by bytes.</summary>
    public static VirtualAddress operator -(VirtualAddress address, long bytes) => new(address.Value - (ulong)bytes);

    /// <summary>Bytes from right to left.</summary>
    public static long operator -(VirtualAddress left, VirtualAddress right) => (long)(left.Value - right.Value);

    /// <summary>Comparison by position.</summary>
    public static bool operator <(VirtualAddress left, VirtualAddress right) => left.Value < right.Value;

    /// <summary>Comparison by position.</summary>
    public static bool operator >(VirtualAddress left, VirtualAddress right) => left.Value > right.Value;

    /// <summary>Comparison by position.</summary>
    public static bool operator <=(VirtualAddress left, VirtualAddress right) => left.Value <= right.Value;

    /// <summary>Comparison by position.</summary>
    public static bool operator >=(VirtualAddress left, VirtualAddress right) => left.Value >= right.Value;
}
