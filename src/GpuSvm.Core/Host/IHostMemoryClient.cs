// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Host;

/// <summary>Who a host memory tells of CPU faults and of changes. <see cref="HostAddressSpace"/> is the one implementation in the product.</summary>
public interface IHostMemoryClient
{
    /// <summary>
    /// A CPU thread touched a page that it could not use. Called on the memory's own service thread (real memory) or on the touching thread
    /// (simulated). The client makes the page usable, or leaves a mark that wakes the thread later.
    /// </summary>
    /// <param name="address">The address touched.</param>
    /// <param name="access">What the thread wants.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>: the page was attached or populated, the thread has been or must be woken to try again.
    /// <see cref="SvmStatus.Busy"/>: a migration holds the page; its end calls <see cref="IHostMemory.Wake"/>.
    /// <see cref="SvmStatus.Retry"/>: an event is pending; once it has been read and handled the memory lets the thread try again.
    /// Anything else: the access cannot be served and must fail as the platform does it (a signal).
    /// </returns>
    SvmStatus CpuFault(VirtualAddress address, MemoryAccess access);

    /// <summary>Opens the gate in which events are read and applied: page states cannot change between <see cref="EnterEventGate"/> and <see cref="LeaveEventGate"/>.</summary>
    /// <remarks>A memory whose events resume their caller when read (userfaultfd) must read inside the gate; see docs/real-memory.md, rule 1.</remarks>
    void EnterEventGate();

    /// <summary>Closes the gate, and then does what the events call for: invalidation of device mappings, release of device pages.</summary>
    void LeaveEventGate();

    /// <summary>Inside the gate: the interval was unmapped, or another mapping stands in its place.</summary>
    /// <param name="interval">The interval.</param>
    void Unmapped(AddressRange interval);

    /// <summary>Inside the gate: the program gave the interval's contents up (madvise); pages read as zeroes from now on.</summary>
    /// <param name="interval">The interval.</param>
    void Discarded(AddressRange interval);

    /// <summary>Inside the gate: what the program may do with the interval has changed, or is about to.</summary>
    /// <param name="interval">The interval.</param>
    void ProtectionChanged(AddressRange interval);

    /// <summary>Inside the gate: the program has moved pages to other addresses (mremap). What stood there before is gone; the old addresses are no mapping.</summary>
    /// <param name="from">Where the pages were.</param>
    /// <param name="to">Where they are now; as long, and not overlapping.</param>
    /// <remarks>Only a memory with <see cref="HostMemoryCapabilities.Remaps"/> says this.</remarks>
    void Remapped(AddressRange from, AddressRange to);
}
