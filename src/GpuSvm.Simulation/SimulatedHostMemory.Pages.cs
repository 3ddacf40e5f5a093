// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <content>What the client does with pages: look, populate, detach, attach, protect, discard.</content>
public sealed partial class SimulatedHostMemory
{
    /// <inheritdoc/>
    public SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        Reach(SimulatedOperation.Query);
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        SvmStatus status = CheckIntervalLocked(interval, Math.Min(pages.Length, PageSize.PagesPerHuge));
        if (!status.IsDone())
            return status;
        SimulatedMapping mapping = default;
        for (int i = 0; i < interval.Pages; i++)
        {
            VirtualAddress address = interval.Start + ((long)i << PageSize.Shift);
            if (!mapping.Interval.Contains(address))
                _mappings.TryFind(address, out mapping);
            PageEntry entry = _pages.Read(address.PageNumber);
            pages[i] = !entry.IsPresent ? default : new HostPage(
                _frames.PointerTo(entry.Frame), IsPresent: true, entry.IsWritable && mapping.IsWritable, entry.IsZero,
                _pages.Find(address.PageNumber)!.IsHuge ? PageOrder.Huge : PageOrder.Small);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Answers <see cref="SvmStatus.ReadOnly"/> if writing is asked for and the mapping forbids it. Out of memory half way, the pages made so far stay.</remarks>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        Reach(SimulatedOperation.Populate);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, PageSize.PagesPerHuge);
        if (!status.IsDone())
            return status;
        if (_pendingEvents > 0)
            return SvmStatus.Retry;
        if (access == MemoryAccess.Write && !IsWritableLocked(interval))
            return SvmStatus.ReadOnly;
        status = access == MemoryAccess.Write ? MakeWritableLocked(interval) : MakeReadableLocked(interval);
        _waiters.Wake(interval);
        return status;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The bytes are copied into the block's frames and the frames of the pages are freed, and so poisoned: a device that still uses them is found out. The
    /// page of zeroes becomes a hole. Answers <see cref="SvmStatus.InvalidArgument"/> for a block that is not empty, has been attached from, or was
    /// acquired for an interval that does not hold this one.
    /// </remarks>
    public SvmStatus Detach(AddressRange interval, HostStaging staging)
    {
        Reach(SimulatedOperation.Detach);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, PageSize.PagesPerHuge);
        if (!status.IsDone())
            return status;
        if (!IsUsableLocked(staging, interval, out SimulatedStaging block, out int first))
            return SvmStatus.InvalidArgument;
        int pages = (int)interval.Pages;
        for (int i = first; i < first + pages; i++)
        {
            if (block.IsPresent(i) || !block.Owned.Contains(i))
                return SvmStatus.InvalidArgument;
        }

        if (_pendingEvents > 0)
            return SvmStatus.Retry;
        if (!IsDetachableLocked(interval))
            return SvmStatus.Busy;
        for (int i = 0; i < pages; i++)
        {
            ref PageEntry entry = ref _pages.EntrySplit(interval.Start.PageNumber + (ulong)i);
            if (entry.OwnsFrame)
            {
                _frames.Bytes(entry.Frame).CopyTo(_frames.Bytes(block.Frame + first + i));
                _frames.Free(entry.Frame, 1);
                block.SetPresent(first + i, 1, present: true);
            }

            else
            {
                _mappings.GiveFamily(VirtualAddress.OfPage(interval.Start.PageNumber + (ulong)i)); // Nothing becomes a page now, if only a device's.
            }

            entry = new PageEntry { Flags = PageFlags.Detached };
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>The frames of the present pages leave the block for the page table. Answers <see cref="SvmStatus.InvalidArgument"/> if a page of the interval is present
    /// or the block does not have the pages; nothing has changed then.</remarks>
    public SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable)
    {
        Reach(SimulatedOperation.Attach);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (_pendingEvents > 0)
            return SvmStatus.Retry;
        SvmStatus status = CheckIntervalLocked(interval, PageSize.PagesPerHuge);
        if (!status.IsDone())
            return status == SvmStatus.NotMapped ? SvmStatus.Unmapped : status;
        int pages = (int)interval.Pages;
        if (staging is not SimulatedStaging block || !_staging.Contains(block) || first < 0 || first + pages > block.Order.Pages)
            return SvmStatus.InvalidArgument;
        for (int i = 0; i < pages; i++)
        {
            bool isGone = block.IsPresent(first + i) && !block.Owned.Contains(first + i);
            if (isGone || _pages.Read(interval.Start.PageNumber + (ulong)i).IsPresent)
                return SvmStatus.InvalidArgument;
        }

        bool isProtected = !writable && Has(HostMemoryCapabilities.WriteProtect);
        PageFlags flags = isProtected ? PageFlags.Present | PageFlags.WriteProtected : PageFlags.Present;
        int attached = 0;
        for (int i = 0; i < pages; i++)
        {
            ref PageEntry entry = ref _pages.EntrySplit(interval.Start.PageNumber + (ulong)i);
            entry = default;
            if (!block.IsPresent(first + i))
                continue;
            entry = new PageEntry { Frame = block.Frame + first + i, Flags = flags };
            block.Owned.Remove(first + i);
            block.SetPresent(first + i, 1, present: false);
            attached++;
        }

        if (attached == PageSize.PagesPerHuge && first == 0 && interval.Start.IsAligned(PageOrder.Huge) && Has(HostMemoryCapabilities.HugePages))
            _pages.FindOrAdd(interval.Start.PageNumber).IsHuge = true;
        _waiters.Wake(interval);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus WriteProtect(AddressRange interval, bool protect)
    {
        if (!Has(HostMemoryCapabilities.WriteProtect))
            return SvmStatus.NotSupported;
        Reach(SimulatedOperation.WriteProtect);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, long.MaxValue);
        if (!status.IsDone())
            return status;
        if (_pendingEvents > 0)
            return SvmStatus.Retry;
        _pages.SplitEdges(interval);
        ulong end = interval.End.PageNumber;
        for (ulong page = _pages.SkipUntouched(interval.Start.PageNumber, end); page < end; page = _pages.SkipUntouched(page + 1, end))
        {
            ref PageEntry entry = ref _pages.Entry(page);
            if (entry.IsPresent)
                entry.Flags = protect ? entry.Flags | PageFlags.WriteProtected : entry.Flags & ~PageFlags.WriteProtected;
        }

        if (!protect)
            _waiters.Wake(interval);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Discard(AddressRange interval)
    {
        Reach(SimulatedOperation.Discard);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, long.MaxValue);
        if (status.IsDone())
            DropPagesLocked(interval);
        return status;
    }

    /// <inheritdoc/>
    public void Wake(AddressRange interval)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        _waiters.Wake(interval);
    }

    /// <summary>Makes every page of an interval readable: absent ones become the page of zeroes.</summary>
    /// <param name="interval">A mapped interval.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    private SvmStatus MakeReadableLocked(AddressRange interval)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            if (_pages.Read(page).IsPresent)
                continue;
            if (Has(HostMemoryCapabilities.LazyZero))
                _pages.EntrySplit(page) = new PageEntry { Frame = _frames.ZeroFrame, Flags = PageFlags.Present | PageFlags.Zero };
            else if (!GiveFrameLocked(page))
                return SvmStatus.OutOfHostMemory;
        }

        return SvmStatus.Done;
    }

    /// <summary>Makes every page of an interval writable on a frame of its own; a whole absent 2 MiB becomes a huge page where one can be had.</summary>
    /// <param name="interval">A mapped interval.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    private SvmStatus MakeWritableLocked(AddressRange interval)
    {
        ulong end = interval.End.PageNumber;
        for (ulong page = interval.Start.PageNumber; page < end; page++)
        {
            bool isWhole = page % PageSize.PagesPerHuge == 0 && end - page >= PageSize.PagesPerHuge;
            if (isWhole && TryGiveHugeLocked(page))
            {
                page += PageSize.PagesPerHuge - 1;
                continue;
            }

            PageEntry entry = _pages.Read(page);
            if (entry.IsWritable)
                continue;
            if (entry.OwnsFrame)
                _pages.EntrySplit(page).Flags &= ~PageFlags.WriteProtected;
            else if (!GiveFrameLocked(page))
                return SvmStatus.OutOfHostMemory;
        }

        return SvmStatus.Done;
    }

    /// <summary>Puts one huge page of zeroes where a whole 2 MiB is absent.</summary>
    /// <param name="page">The first page, 2 MiB aligned.</param>
    /// <returns>False if something is present there, or no huge page can be had.</returns>
    private bool TryGiveHugeLocked(ulong page)
    {
        VirtualAddress start = VirtualAddress.OfPage(page);
        if (!Has(HostMemoryCapabilities.HugePages) || !_mappings.TryFind(start, out SimulatedMapping mapping) || mapping.IsSmallOnly)
            return false;
        PageTableBlock block = _pages.FindOrAdd(page);
        foreach (PageEntry entry in block.Entries)
        {
            if (entry.IsPresent)
                return false;
        }

        if (!_frames.TryAllocate(PageOrder.Huge, 0, out int frame))
            return false;
        _mappings.GiveFamily(start);
        for (int i = 0; i < block.Entries.Length; i++)
            block.Entries[i] = new PageEntry { Frame = frame + i, Flags = PageFlags.Present };
        block.IsHuge = true;
        return true;
    }

    /// <summary>Puts a fresh frame of zeroes under a page that is absent or the page of zeroes.</summary>
    /// <param name="page">The page.</param>
    /// <returns>False if no frame is left.</returns>
    private bool GiveFrameLocked(ulong page)
    {
        if (!_frames.TryAllocate(PageOrder.Small, 0, out int frame))
            return false;
        _mappings.GiveFamily(VirtualAddress.OfPage(page));
        _pages.EntrySplit(page) = new PageEntry { Frame = frame, Flags = PageFlags.Present };
        return true;
    }

    /// <summary>Whether every mapping of an interval allows stores.</summary>
    /// <param name="interval">A mapped interval.</param>
    /// <returns>True if so.</returns>
    private bool IsWritableLocked(AddressRange interval)
    {
        VirtualAddress at = interval.Start;
        while (at < interval.End && _mappings.TryFind(at, out SimulatedMapping mapping))
        {
            if (!mapping.IsWritable)
                return false;
            at = mapping.Interval.End;
        }

        return true;
    }

    /// <summary>Whether no page of an interval is pinned or a file's.</summary>
    /// <param name="interval">A mapped interval.</param>
    /// <returns>True if all may be taken away.</returns>
    private bool IsDetachableLocked(AddressRange interval)
    {
        VirtualAddress at = interval.Start;
        while (at < interval.End && _mappings.TryFind(at, out SimulatedMapping mapping))
        {
            if (!mapping.IsAnonymous)
                return false;
            at = mapping.Interval.End;
        }

        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            if ((_pages.Read(page).Flags & PageFlags.Pinned) != 0)
                return false;
        }

        return true;
    }
}
