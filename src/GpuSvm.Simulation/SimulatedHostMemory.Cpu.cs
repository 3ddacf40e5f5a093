// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <content>Who reaches the bytes: the program's threads, by way of the page table, and DMA.</content>
public sealed partial class SimulatedHostMemory
{
    /// <summary>What a program thread does with the bytes of one page.</summary>
    private enum CpuAccessKind
    {
        /// <summary>Copies them out.</summary>
        Load,

        /// <summary>Copies new ones in.</summary>
        Store,

        /// <summary>Adds to the 64-bit number there; a locked instruction.</summary>
        Add,
    }

    /// <summary>One access of a program thread within one page.</summary>
    /// <param name="kind">What it does.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where loaded bytes go.</param>
    /// <param name="source">Where stored bytes come from.</param>
    private readonly ref struct PageAccess(CpuAccessKind kind, VirtualAddress address, Span<byte> destination, ReadOnlySpan<byte> source)
    {
        /// <summary>What it does.</summary>
        public readonly CpuAccessKind Kind = kind;

        /// <summary>The first byte.</summary>
        public readonly VirtualAddress Address = address;

        /// <summary>Where loaded bytes go; for an addition the number before it.</summary>
        public readonly Span<byte> Destination = destination;

        /// <summary>Where stored bytes come from; for an addition the number to add.</summary>
        public readonly ReadOnlySpan<byte> Source = source;

        /// <summary>What the page must allow.</summary>
        public MemoryAccess Access => Kind == CpuAccessKind.Load ? MemoryAccess.Read : MemoryAccess.Write;

        /// <summary>Does it on the page's bytes.</summary>
        /// <param name="page">The page.</param>
        public void Perform(Span<byte> page)
        {
            int offset = OffsetInPage(Address);
            if (Kind != CpuAccessKind.Store)
                page.Slice(offset, Destination.Length).CopyTo(Destination);
            if (Kind == CpuAccessKind.Store)
                Source.CopyTo(page[offset..]);
            if (Kind == CpuAccessKind.Add)
                MemoryMarshal.Cast<byte, long>(page)[offset / sizeof(long)] += MemoryMarshal.Read<long>(Source);
        }
    }

    /// <summary>A program thread loads bytes. It may fault, call the client on this thread, and wait.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to; filled page by page.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>; otherwise the signal a program would get, with the pages before it loaded: <see cref="SvmStatus.NotMapped"/> (no mapping, or
    /// none that may be read), <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.TimedOut"/>
    /// (<see cref="SimulatedHostOptions.MaxFaultRounds"/>), <see cref="SvmStatus.NotSupported"/> (a fault and no client), or what the client answered.
    /// </returns>
    /// <remarks>Locking: must not hold what the client's fault handler takes.</remarks>
    public SvmStatus CpuRead(VirtualAddress address, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int bytes = Math.Min(destination.Length, PageSize.Bytes - OffsetInPage(address));
            SvmStatus status = AccessPage(new PageAccess(CpuAccessKind.Load, address, destination[..bytes], default));
            if (!status.IsDone())
                return status;
            destination = destination[bytes..];
            address += bytes;
        }

        return SvmStatus.Done;
    }

    /// <summary>A program thread stores bytes. It may fault, call the client on this thread, and wait.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes; stored page by page.</param>
    /// <returns>As <see cref="CpuRead"/>, and <see cref="SvmStatus.ReadOnly"/> if the mapping may not be written; the pages before it are stored.</returns>
    public SvmStatus CpuWrite(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int bytes = Math.Min(source.Length, PageSize.Bytes - OffsetInPage(address));
            SvmStatus status = AccessPage(new PageAccess(CpuAccessKind.Store, address, default, source[..bytes]));
            if (!status.IsDone())
                return status;
            source = source[bytes..];
            address += bytes;
        }

        return SvmStatus.Done;
    }

    /// <summary>A program thread adds to a 64-bit number in one atomic instruction. It may fault, call the client on this thread, and wait.</summary>
    /// <param name="address">The number's address, 8-byte aligned.</param>
    /// <param name="delta">What to add.</param>
    /// <param name="before">The number before the addition.</param>
    /// <returns>As <see cref="CpuWrite"/>, and <see cref="SvmStatus.InvalidArgument"/> for an unaligned address.</returns>
    public SvmStatus CpuAdd(VirtualAddress address, long delta, out long before)
    {
        before = 0;
        if (address.Value % sizeof(long) != 0)
            return SvmStatus.InvalidArgument;
        Span<byte> destination = MemoryMarshal.AsBytes(new Span<long>(ref before));
        return AccessPage(new PageAccess(CpuAccessKind.Add, address, destination, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(ref delta))));
    }

    /// <inheritdoc/>
    public SvmStatus Read(VirtualAddress address, Span<byte> destination)
    {
        Reach(SimulatedOperation.DmaAccess);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (!IsPresentLocked(address, destination.Length))
            return SvmStatus.NotMapped;
        while (!destination.IsEmpty)
        {
            int offset = OffsetInPage(address);
            int bytes = Math.Min(destination.Length, PageSize.Bytes - offset);
            _frames.Bytes(_pages.Read(address.PageNumber).Frame).Slice(offset, bytes).CopyTo(destination);
            destination = destination[bytes..];
            address += bytes;
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>CPU write protection does not hold DMA up. The page of zeroes is replaced first, which can end in <see cref="SvmStatus.OutOfHostMemory"/>.</remarks>
    public SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        Reach(SimulatedOperation.DmaAccess);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (!IsPresentLocked(address, source.Length))
            return SvmStatus.NotMapped;
        while (!source.IsEmpty)
        {
            int offset = OffsetInPage(address);
            int bytes = Math.Min(source.Length, PageSize.Bytes - offset);
            if (_pages.Read(address.PageNumber).IsZero && !GiveFrameLocked(address.PageNumber))
                return SvmStatus.OutOfHostMemory;
            source[..bytes].CopyTo(_frames.Bytes(_pages.Read(address.PageNumber).Frame)[offset..]);
            source = source[bytes..];
            address += bytes;
        }

        return SvmStatus.Done;
    }

    /// <summary>Reads bytes where a DMA pointer says, in a frame of the program or in a staging block, whatever the page table says by now.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="destination">Where to; all inside one page.</param>
    /// <exception cref="InvalidOperationException">Nobody owns the frame: the device uses a stale translation.</exception>
    public void DmaRead(DmaPointer pointer, Span<byte> destination)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        _frames.BytesAt(pointer, destination.Length).CopyTo(destination);
    }

    /// <summary>Reads or writes bytes of a page where a DMA pointer says, if that is still where the program has the page: as a call does that names the page by its address.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="pointer">Where it was when the translation was made.</param>
    /// <param name="bytes">Received by a read, given by a write; all inside one page.</param>
    /// <param name="writes">Whether it is a write.</param>
    /// <returns>False if the program has another page there by now, or none: nothing was done.</returns>
    internal bool TryUse(VirtualAddress address, DmaPointer pointer, Span<byte> bytes, bool writes)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (!IsAtLocked(address, pointer))
            return false;
        Span<byte> there = _frames.Bytes(_pages.Read(address.PageNumber).Frame).Slice(OffsetInPage(address), bytes.Length);
        if (writes)
            bytes.CopyTo(there);
        else
            there.CopyTo(bytes);
        return true;
    }

    /// <summary>Writes bytes where a DMA pointer says, in a frame of the program or in a staging block, whatever the page table says by now.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="source">From where; all inside one page.</param>
    /// <exception cref="InvalidOperationException">Nobody owns the frame: the device uses a stale translation.</exception>
    public void DmaWrite(DmaPointer pointer, ReadOnlySpan<byte> source)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        source.CopyTo(_frames.BytesAt(pointer, source.Length));
    }

    /// <summary>The byte's place in its page.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>0 to 4095.</returns>
    private static int OffsetInPage(VirtualAddress address) => (int)(address.Value & (PageSize.Bytes - 1));

    /// <summary>Whether every page of some bytes is present.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <returns>True if all are, and so mapped too.</returns>
    private bool IsPresentLocked(VirtualAddress address, int bytes)
    {
        _lock.AssertHeld();
        if (bytes == 0)
            return true;
        ulong last = (address + (bytes - 1)).PageNumber;
        for (ulong page = address.PageNumber; page <= last; page++)
        {
            if (!_pages.Read(page).IsPresent)
                return false;
        }

        return last >= address.PageNumber; // False where the bytes would wrap around.
    }

    /// <summary>Repeats one access until it goes through or ends in a signal: look, fault, wait, look again.</summary>
    /// <param name="request">The access.</param>
    /// <returns>As <see cref="CpuRead"/>.</returns>
    private SvmStatus AccessPage(PageAccess request)
    {
        for (int round = 0; round < _options.MaxFaultRounds; round++)
        {
            Reach(SimulatedOperation.CpuAccess);
            FaultWaiter? waiter = null;
            using (_lock.EnterWrite())
            {
                if (IsInKernel && TryReplaceZeroPageLocked(request))
                    AnnounceLocked();
                else if (TryAccessLocked(request, out SvmStatus result))
                    return result;
                else
                    waiter = _waiters.Enter(request.Address.PageNumber);
            }

            if (waiter is null)
            {
                Deliver(new SimulatedEvent(SimulatedEventKind.Replace, AddressRange.OfPages(request.Address.AlignDown(PageOrder.Small), 1)));
                continue;
            }

            SvmStatus status = Fault(request, waiter);
            if (!status.IsDone() && !status.IsRetry())
                return status;
        }

        return SvmStatus.TimedOut;
    }

    /// <summary>Tells the client of a fault and waits if it says so.</summary>
    /// <param name="request">The access that missed.</param>
    /// <param name="waiter">The thread's place among the faulted; left on return.</param>
    /// <returns>The client's answer; anything but done or retry is the signal.</returns>
    private SvmStatus Fault(PageAccess request, FaultWaiter waiter)
    {
        try
        {
            if (_client is not { } client)
                return SvmStatus.NotSupported;
            Interlocked.Increment(ref _cpuFaults);
            Reach(SimulatedOperation.CpuFault);
            SvmStatus status = client.CpuFault(request.Address, request.Access);
            if (status == SvmStatus.Busy)
            {
                SchedulePoint.Reach(SchedulePointKind.Wait, this);
                waiter.Wait();
            }
            else if (status == SvmStatus.Retry)
            {
                if (!SchedulePoint.TryYield())
                    Thread.Yield(); // An event is pending on another thread; nothing wakes this one when it has been read.
            }

            return status;
        }
        finally
        {
            using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
            _waiters.Leave(waiter);
        }
    }

    /// <summary>Does an access if the page table allows it, filling in what the kernel fills in by itself.</summary>
    /// <param name="request">The access.</param>
    /// <param name="status">How it ended, if it did.</param>
    /// <returns>False if the client must be told.</returns>
    /// <exception cref="InvalidOperationException">The page is away and this memory could not have announced the access: bytes would be lost.</exception>
    private bool TryAccessLocked(PageAccess request, out SvmStatus status)
    {
        _lock.AssertHeld();
        bool isStore = request.Access == MemoryAccess.Write;
        if (_isDisposed)
        {
            status = SvmStatus.ProcessGone;
            return true;
        }

        bool isMapped = _mappings.TryFind(request.Address, out SimulatedMapping mapping) && mapping.Interval.Contains(request.Address);
        if (!isMapped || !(isStore ? mapping.IsWritable : mapping.IsReadable))
        {
            status = isMapped && isStore && mapping.IsReadable ? SvmStatus.ReadOnly : SvmStatus.NotMapped;
            return true;
        }

        ulong page = request.Address.PageNumber;
        PageEntry entry = _pages.Read(page);
        bool isAnnounced = IsInKernel ? (entry.Flags & PageFlags.Detached) != 0
            : entry.IsPresent ? isStore && (entry.Flags & PageFlags.WriteProtected) != 0
            : mapping.IsAnonymous && Has(HostMemoryCapabilities.CpuFaults);
        if (isAnnounced)
        {
            status = SvmStatus.Done;
            return false;
        }

        if ((entry.Flags & PageFlags.Detached) != 0)
            throw new InvalidOperationException($"The CPU touched {request.Address} while its bytes are away, on a memory without CPU faults.");
        status = ServeLocked(AddressRange.OfPages(VirtualAddress.OfPage(page), 1), entry, isStore);
        if (status.IsDone())
            request.Perform(_frames.Bytes(_pages.Read(page).Frame));
        return true;
    }

    /// <summary>Fills in what an access needs and the kernel gives by itself.</summary>
    /// <param name="page">The page.</param>
    /// <param name="entry">What is there; the client has nothing to do with it.</param>
    /// <param name="isStore">Whether the access is a store.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    private SvmStatus ServeLocked(AddressRange page, PageEntry entry, bool isStore)
    {
        if (IsInKernel)
            return isStore ? MakeWritableLocked(page) : MakeReadableLocked(page);
        bool needsFrame = isStore ? !entry.OwnsFrame : !entry.IsPresent;
        return needsFrame && !GiveFrameLocked(page.Start.PageNumber) ? SvmStatus.OutOfHostMemory : SvmStatus.Done;
    }

    /// <summary>Replaces the page of zeroes by one of its own where a store is allowed; the client must hear of it before the store is done. Kernel: wp_page_copy.</summary>
    /// <param name="request">The access.</param>
    /// <returns>False if that is not what the access needs.</returns>
    private bool TryReplaceZeroPageLocked(PageAccess request) =>
        request.Access == MemoryAccess.Write && !_isDisposed
        && _mappings.TryFind(request.Address, out SimulatedMapping mapping) && mapping.Interval.Contains(request.Address) && mapping.IsWritable
        && _pages.Read(request.Address.PageNumber).IsZero && GiveFrameLocked(request.Address.PageNumber);
}
