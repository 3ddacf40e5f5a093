// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Host;

/// <summary>
/// What the CPU's MMU must provide so that <see cref="HostAddressSpace"/> can play the kernel's mm: about ten operations, nothing of devices, ranges or
/// policies. Implemented over the running process (userfaultfd), over plain memory (portable) and over arrays (simulated).
/// </summary>
/// <remarks>
/// Thread-safe. Callers hold at most the Host lock; never the notifier lock or deeper. Intervals are page aligned and inside one mapping unless said otherwise.
/// An interval that is empty, not page aligned, or larger than an operation takes is answered with <see cref="SvmStatus.InvalidArgument"/>.
/// The caller makes sure that no two calls work on the same pages at once (the page states of <see cref="HostAddressSpace"/> do that).
/// </remarks>
public interface IHostMemory : IDisposable
{
    /// <summary>What this memory can promise.</summary>
    HostMemoryCapabilities Capabilities { get; }

    /// <summary>Says who hears of CPU faults and events; called once, before the first allocation.</summary>
    /// <param name="client">The host address space.</param>
    void Connect(IHostMemoryClient client);

    /// <summary>Maps fresh shared memory that reads as zeroes, readable and writable; one mapping of its own.</summary>
    /// <param name="bytes">At least 1; rounded up to whole pages. From 2 MiB on it starts on a 2 MiB boundary.</param>
    /// <param name="interval">The page-aligned interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    SvmStatus Allocate(long bytes, out AddressRange interval);

    /// <summary>Whether <see cref="Allocate"/> gave exactly this interval and nobody has freed it, whatever the program has done to parts of it since (munmap, mprotect).</summary>
    /// <param name="interval">Any interval.</param>
    /// <returns>True if <see cref="Free"/> would take it.</returns>
    bool IsAllocation(AddressRange interval);

    /// <summary>The pieces of an allocation that the program has not unmapped itself: where it has, others may live by now.</summary>
    /// <param name="interval">Exactly an allocated interval.</param>
    /// <returns>In order of addresses. A memory that cannot tell answers with the interval.</returns>
    IReadOnlyList<AddressRange> AllocatedPieces(AddressRange interval) => [interval];

    /// <summary>Unmaps what <see cref="Allocate"/> gave, as far as the program has not unmapped it itself: from now on it is no mapping, and its pages are gone. The caller has invalidated it before.</summary>
    /// <param name="interval">Exactly an allocated interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.InvalidHandle"/> if it is not one.</returns>
    SvmStatus Free(AddressRange interval);

    /// <summary>Shares memory that the process already has. Pages that are the process's alone may go to devices from now on; those of files and of shared memory are used where they are.</summary>
    /// <param name="interval">Mapped without a hole, page aligned.</param>
    /// <param name="isInPlace">Whether all of it is to be used where it is.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise nothing has changed: <see cref="SvmStatus.NotMapped"/> for a hole, <see cref="SvmStatus.InvalidHandle"/> if some of it is shared already,
    /// <see cref="SvmStatus.Busy"/> if another handler of page faults has it, <see cref="SvmStatus.NotMigratable"/> where there are no ordinary pages, <see cref="SvmStatus.OutOfHostMemory"/>,
    /// <see cref="SvmStatus.InvalidArgument"/>; <see cref="SvmStatus.NotSupported"/> from a memory that cannot.</returns>
    SvmStatus Adopt(AddressRange interval, bool isInPlace) => SvmStatus.NotSupported;

    /// <summary>Where what was adopted is now: parts may have been unmapped, or moved (mremap).</summary>
    /// <param name="interval">As it was given to <see cref="Adopt"/>.</param>
    /// <returns>The pieces, in order of addresses; none for what was not adopted.</returns>
    IReadOnlyList<AddressRange> AdoptedPieces(AddressRange interval) => [];

    /// <summary>Lets go of adopted memory, wherever it is. The caller has brought its pages home and keeps claims off them.</summary>
    /// <param name="interval">As it was given to <see cref="Adopt"/>.</param>
    void Disown(AddressRange interval)
    {
    }

    /// <summary>Says whether a child that the process forks gets the memory. Not before it is said, and only while every page is in RAM: a child would read zeroes where one is away.</summary>
    /// <param name="isInherited">Whether it does.</param>
    /// <remarks>Called inside the client's gate: never waits. A memory whose children have it anyway does nothing here.</remarks>
    void SetInherited(bool isInherited)
    {
    }

    /// <summary>Finds the first mapping that ends above an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="mapping">The mapping; it may begin above the address.</param>
    /// <returns>False if there is none.</returns>
    bool TryFindMapping(VirtualAddress address, out HostMapping mapping);

    /// <summary>Looks whether the program has taken rights away (mprotect) where the platform announces nothing, and tells the client what it finds
    /// (<see cref="IHostMemoryClient.ProtectionChanged"/>, in the gate). Returns when the client has done what that calls for.</summary>
    /// <param name="interval">What is about to be used; may reach over holes.</param>
    /// <remarks>Locking: nothing may be held. A memory that hears of such changes by itself, or has none, does nothing here.</remarks>
    void NoticeChanges(AddressRange interval)
    {
    }

    /// <summary>What the CPU's page table says of each page, without changing anything.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="pages">One answer a page.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.NotMapped"/>.</returns>
    SvmStatus Query(AddressRange interval, Span<HostPage> pages);

    /// <summary>
    /// Makes the absent pages of the interval present, reading as zeroes, and wakes who waits for them. Present pages stay. For
    /// <see cref="MemoryAccess.Write"/> all end up writable (the zero page is replaced, write protection is removed).
    /// </summary>
    /// <param name="interval">At most 2 MiB; a whole aligned 2 MiB may be given as one huge page.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.Retry"/> if an event is pending, <see cref="SvmStatus.NotMapped"/>.</returns>
    SvmStatus Populate(AddressRange interval, MemoryAccess access);

    /// <summary>
    /// Takes the present pages away from the CPU atomically, each with all writes that went to it before, into the same offsets of a staging block. Absent
    /// pages become holes of the block. A CPU thread that touches one afterwards faults and waits.
    /// </summary>
    /// <param name="interval">The interval the block was acquired for, or a part of it.</param>
    /// <param name="staging">An empty block. Page i of a block belongs at page i of the interval it was acquired for.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise nothing has changed: <see cref="SvmStatus.Busy"/> (pinned, shared), <see cref="SvmStatus.Retry"/> (an event is pending). Where addresses
    /// move (<see cref="HostMemoryCapabilities.Remaps"/>) pages may be in the block, marked present, even so: the caller attaches them again when it has left the gate.</returns>
    SvmStatus Detach(AddressRange interval, HostStaging staging);

    /// <summary>Makes present pages of a staging block visible to the CPU and wakes who waits. Holes of the block stay absent. Never waits: it is called inside the client's gate, so that
    /// no page comes back that was given up a moment before.</summary>
    /// <param name="interval">Absent pages, wholly mapped, or nothing is attached and the answer is Unmapped. Where addresses do not move: the interval the block was acquired for, or a part of it.</param>
    /// <param name="staging">The block; its pages leave it (a portable memory keeps them).</param>
    /// <param name="first">The block's page for the interval's first page; the others follow.</param>
    /// <param name="writable">Whether the CPU may write without a further fault.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if an event is pending: leave the gate, let it be read, try again; <see cref="SvmStatus.Unmapped"/> if the mapping is gone (the pages stay in the block); <see cref="SvmStatus.OutOfHostMemory"/>. After a failure the pages that are still in the block, and marked present there, are the last ones; those before are attached.</returns>
    SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable);

    /// <summary>Gets a staging block for the interval.</summary>
    /// <param name="interval">The interval it will serve: 2^order pages, aligned to it. It may stick out of a mapping, as long as no page outside is used.</param>
    /// <param name="forAttach">True: a block with pages in it whose bytes are rubbish, all marked present, to be written and attached. False: an empty block to detach into.</param>
    /// <returns>The block, or null if none can be had.</returns>
    HostStaging? AcquireStaging(AddressRange interval, bool forAttach);

    /// <summary>Gives a staging block back, with or without pages in it.</summary>
    /// <param name="staging">The block.</param>
    void ReleaseStaging(HostStaging staging);

    /// <summary>Takes the CPU's right to write away, or gives it back and wakes who waits. Pages that are absent stay so.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="protect">True to protect.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.NotSupported"/>, <see cref="SvmStatus.Retry"/>.</returns>
    SvmStatus WriteProtect(AddressRange interval, bool protect);

    /// <summary>Drops the pages of the interval: they are absent and read as zeroes afterwards.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.NotMapped"/>.</returns>
    SvmStatus Discard(AddressRange interval);

    /// <summary>Lets every CPU thread that waits for a page of the interval try again.</summary>
    /// <param name="interval">The pages.</param>
    void Wake(AddressRange interval);

    /// <summary>Reads present pages as a DMA engine would; never faults the calling thread.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.NotMapped"/> if a page is absent.</returns>
    SvmStatus Read(VirtualAddress address, Span<byte> destination);

    /// <summary>Copies present pages into a staging block as a DMA engine would; they stay the CPU's. Never faults the calling thread, never waits: it is called inside the client's gate, so that no
    /// page is given up while it is read.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="staging">A block acquired to be attached.</param>
    /// <param name="first">The block's page for the interval's first page; the others follow.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> if a page is absent: the block's bytes are rubbish then; <see cref="SvmStatus.InvalidArgument"/>;
    /// <see cref="SvmStatus.NotSupported"/> from a memory without <see cref="HostMemoryCapabilities.WriteProtect"/>.</returns>
    SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first);

    /// <summary>Writes present pages as a DMA engine would; never faults the calling thread.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">From where.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.NotMapped"/> if a page is absent.</returns>
    SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source);
}
