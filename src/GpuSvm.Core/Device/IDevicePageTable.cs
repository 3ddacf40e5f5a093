// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>
/// One GPU address space's page table together with the TLBs that cache it. Bind = <see cref="Prepare"/> outside, <see cref="Write"/> under the
/// notifier lock; zap = <see cref="Zap"/> then <see cref="InvalidateTlb"/>, after which no unit can reach the old pages any more.
/// </summary>
/// <remarks>Locking: implementations take rank PageTable inside. Calls for disjoint intervals may run in parallel.</remarks>
public interface IDevicePageTable : IDisposable
{
    /// <summary>Allocates the lower tables that entries for the interval may need, so that <see cref="Write"/> cannot fail.</summary>
    /// <param name="interval">A page-aligned interval of at most 2 MiB, not crossing a 2 MiB boundary.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    SvmStatus Prepare(AddressRange interval);

    /// <summary>
    /// Writes the leaf entries of an interval. Uses the largest of 4 KiB, 64 KiB and 2 MiB entries that the alignment of both sides and the order allow.
    /// Replaces what was there; the caller has zapped anything whose translation changes.
    /// </summary>
    /// <param name="start">The interval's first page.</param>
    /// <param name="addresses">Dense mappings: entry j covers 2^order pages after entry j-1. All present.</param>
    /// <remarks>Called under the notifier lock: no allocation, no wait. Needs an earlier <see cref="Prepare"/>.</remarks>
    void Write(VirtualAddress start, ReadOnlySpan<DeviceAddress> addresses);

    /// <summary>Clears the entries of the interval; an entry larger than the overlap is cleared whole.</summary>
    /// <param name="interval">A page-aligned interval of any length.</param>
    /// <returns>The smallest interval around all entries that were present; empty if none was.</returns>
    AddressRange Zap(AddressRange interval);

    /// <summary>Drops cached translations and waits until no unit can still use one of them.</summary>
    /// <param name="interval">The interval, as <see cref="Zap"/> returned it.</param>
    void InvalidateTlb(AddressRange interval);

    /// <summary>The translation of one page, for checkers and tests.</summary>
    /// <param name="address">Any address in the page.</param>
    /// <returns>The 4 KiB part of the entry that covers it, or a value that is not present.</returns>
    DeviceAddress Lookup(VirtualAddress address);
}
