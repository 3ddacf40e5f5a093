// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>
/// One GPU address space's page table together with the TLBs that cache it. Bind = <see cref="Prepare"/> outside, <see cref="Write"/> under the
/// notifier lock; zap = <see cref="Zap"/> then <see cref="StartTlbInvalidation"/> and <see cref="WaitTlbInvalidation"/>, after which no unit can reach the old pages any more.
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

    /// <summary>Begins to drop cached translations: no unit will begin an access with one of them that it had not begun before.</summary>
    /// <param name="interval">The interval, as <see cref="Zap"/> returned it; empty for nothing.</param>
    /// <returns>What to wait for; rising with each call of one table. 0 if there is nothing to wait for.</returns>
    /// <remarks>Called under the notifier lock: no allocation, no wait.</remarks>
    ulong StartTlbInvalidation(AddressRange interval);

    /// <summary>Waits until no unit can still use a translation that was dropped by this call or an earlier one.</summary>
    /// <param name="invalidation">What <see cref="StartTlbInvalidation"/> gave.</param>
    /// <remarks>Waits for units to end an access, never for a fault in one: may be called under the notifier lock, but should not.</remarks>
    void WaitTlbInvalidation(ulong invalidation);

    /// <summary>Begins to count the device's accesses in this address space.</summary>
    /// <param name="configuration">What to count.</param>
    /// <returns>Where it tells of regions in use; null for a device that cannot count.</returns>
    /// <remarks>Once, before the first launch. Counting ends with the page table.</remarks>
    IAccessCounterBuffer? StartAccessCounters(in AccessCounterConfiguration configuration);

    /// <summary>The translation of one page, for checkers and tests.</summary>
    /// <param name="address">Any address in the page.</param>
    /// <returns>The 4 KiB part of the entry that covers it, or a value that is not present.</returns>
    DeviceAddress Lookup(VirtualAddress address);

    /// <summary>Makes a missing translation an error of the kernel: no fault is raised for this address space. Called once, before anything runs in it.</summary>
    /// <returns>What stops and resumes the units that run in it.</returns>
    /// <exception cref="NotSupportedException">The device cannot stop its queues, or not those of one address space.</exception>
    IDeviceQueues UseWithoutFaults() => throw new NotSupportedException(
        "This device cannot stop what runs on it, so it cannot run in a VM without faults: make the VM with faults, or take a device whose page tables implement UseWithoutFaults.");
}
