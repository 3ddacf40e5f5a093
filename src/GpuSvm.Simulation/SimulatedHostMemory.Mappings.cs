// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <content>Mappings: the library's, and the changes that the program makes behind its back.</content>
public sealed partial class SimulatedHostMemory
{
    /// <inheritdoc/>
    public SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        interval = default;
        if (bytes < 1)
            return SvmStatus.InvalidArgument;
        if (bytes > MappingList.ArenaEnd - MappingList.ArenaStart)
            return SvmStatus.OutOfHostMemory;
        Reach(SimulatedOperation.Allocate);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (_isDisposed)
            return SvmStatus.ProcessGone;
        long pages = PageSize.PagesFor(bytes);
        PageOrder order = bytes >= PageSize.HugeBytes ? PageOrder.Huge : PageOrder.Small;
        if (_mappings.FindGap(pages << PageSize.Shift, order) is not { } gap)
            return SvmStatus.OutOfHostMemory;
        bool isLazy = Has(HostMemoryCapabilities.LazyZero);
        if (!isLazy && pages > _frames.Count - _frames.InUse)
            return SvmStatus.OutOfHostMemory;
        _mappings.Add(new SimulatedMapping(gap, HostProtection.ReadWrite, IsAnonymous: true) { IsApart = true, IsCharged = true });
        _allocations.Add(gap);
        if (!isLazy)
            MakeWritableLocked(gap);
        interval = gap;
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public bool IsAllocation(AddressRange interval)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        return _allocations.Contains(interval);
    }

    /// <inheritdoc/>
    public SvmStatus Free(AddressRange interval)
    {
        Reach(SimulatedOperation.Free);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (!_allocations.Remove(interval))
            return SvmStatus.InvalidHandle;
        RemoveMappingLocked(interval);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        Reach(SimulatedOperation.Query);
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        bool isFound = _mappings.TryFind(address, out SimulatedMapping found);
        mapping = isFound ? found.ToHostMapping() : default;
        return isFound;
    }

    /// <summary>The program maps fresh memory at an address of its choice. Kernel: mmap with MAP_FIXED.</summary>
    /// <param name="at">The first byte, page aligned, at least 64 KiB.</param>
    /// <param name="bytes">At least 1; rounded up to whole pages.</param>
    /// <param name="protection">What the program may do with it.</param>
    /// <param name="anonymous">False for a mapping of a file: its pages come without the client and cannot be detached.</param>
    /// <param name="special">Whether it plays a device's registers, which no GPU can mirror.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, or <see cref="SvmStatus.ProcessGone"/>.</returns>
    /// <remarks>What stood there before is gone first; the client hears of that when the new mapping already stands in its place.</remarks>
    public SvmStatus Map(VirtualAddress at, long bytes, HostProtection protection = HostProtection.ReadWrite, bool anonymous = true, bool special = false)
    {
        if (bytes < 1 || !at.IsAligned(PageOrder.Small) || at.Value < 0x10000 || at >= MappingList.ArenaEnd || bytes > MappingList.ArenaEnd - at)
            return SvmStatus.InvalidArgument;
        AddressRange interval = AddressRange.OfPages(at, PageSize.PagesFor(bytes));
        Reach(SimulatedOperation.MappingChange);
        bool isReplaced;
        using (_lock.EnterWrite())
        {
            if (_isDisposed)
                return SvmStatus.ProcessGone;
            isReplaced = _mappings.Meets(interval);
            if (isReplaced)
                RemoveMappingLocked(interval);
            _mappings.Add(new SimulatedMapping(interval, protection, anonymous, special) { IsCharged = protection == HostProtection.ReadWrite });
            if (isReplaced)
                AnnounceLocked();
        }

        if (isReplaced)
            DeliverUnmapped(interval);
        return SvmStatus.Done;
    }

    /// <summary>The program unmaps an interval, whatever is mapped in it; an allocation that loses its last page is no allocation any more. Kernel: munmap.</summary>
    /// <param name="interval">A page-aligned interval, not empty.</param>
    /// <returns><see cref="SvmStatus.Done"/>, also where nothing was mapped; <see cref="SvmStatus.InvalidArgument"/>.</returns>
    /// <remarks>Returns when the event has been handled. Calls the client: hold nothing that its event gate needs.</remarks>
    public SvmStatus Unmap(AddressRange interval)
    {
        if (interval.IsEmpty || !interval.IsPageAligned)
            return SvmStatus.InvalidArgument;
        Reach(SimulatedOperation.MappingChange);
        using (_lock.EnterWrite())
        {
            if (!_mappings.Meets(interval))
                return SvmStatus.Done;
            RemoveMappingLocked(interval);
            AnnounceLocked();
        }

        DeliverUnmapped(interval);
        return SvmStatus.Done;
    }

    /// <summary>The program changes what it may do with an interval. A client in user space is not told, as on Linux. Kernel: mprotect.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    /// <param name="protection">The new protection.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>; <see cref="SvmStatus.NotMapped"/> at a hole: what lies before it has changed.</returns>
    /// <remarks>Returns when the event has been handled, if there is one. Then it calls the client: hold nothing that its event gate needs.</remarks>
    public SvmStatus Protect(AddressRange interval, HostProtection protection)
    {
        Reach(SimulatedOperation.MappingChange);
        var changed = new List<AddressRange>();
        SvmStatus status;
        using (_lock.EnterWrite())
        {
            status = CheckIntervalLocked(interval, long.MaxValue);
            if (status is not (SvmStatus.Done or SvmStatus.NotMapped))
                return status;
            _mappings.Change(interval, part => part.Protection == protection ? part : part.Protected(protection), changed);
            if (!IsInKernel)
                return status;
            foreach (AddressRange part in changed)
            {
                if (protection == HostProtection.ReadWrite)
                    GrantWritingLocked(part);
                AnnounceLocked();
            }
        }

        foreach (AddressRange part in changed)
            Deliver(new SimulatedEvent(SimulatedEventKind.Protect, part));
        return status;
    }

    /// <summary>The program gives the contents of an interval up. Kernel: madvise with MADV_DONTNEED.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>; <see cref="SvmStatus.NotMapped"/> if there was a hole: all that is mapped has been given up.</returns>
    /// <remarks>The client hears of it before the pages go; see <see cref="SimulatedHostOptions.DiscardOrder"/>. One event for each mapping.</remarks>
    public SvmStatus DontNeed(AddressRange interval)
    {
        SvmStatus status = SvmStatus.Done;
        VirtualAddress at = interval.Start;
        do
        {
            Reach(SimulatedOperation.MappingChange);
            AddressRange part;
            using (_lock.EnterWrite())
            {
                SvmStatus mapped = CheckIntervalLocked(interval, long.MaxValue);
                if (mapped is not (SvmStatus.Done or SvmStatus.NotMapped))
                    return mapped;
                if (!_mappings.TryFind(at, out SimulatedMapping mapping) || mapping.Interval.Start >= interval.End)
                    return SvmStatus.NotMapped;
                part = mapping.Interval.Intersect(new AddressRange(at, interval.End));
                if (part.Start > at)
                    status = SvmStatus.NotMapped;
                AnnounceLocked();
            }

            Deliver(new SimulatedEvent(SimulatedEventKind.Discard, part));
            using (_lock.EnterWrite())
                DropPagesLocked(part);
            at = part.End;
        }
        while (at < interval.End);
        return status;
    }

    /// <summary>Takes pages that are present hold of, as a driver's long-term pin does: they cannot be detached until unpinned or unmapped.</summary>
    /// <param name="interval">Present pages, at most 512.</param>
    /// <param name="pinned">True to pin, false to unpin. Pins do not count.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> if a page is absent or the page of zeroes.</returns>
    public SvmStatus SetPinned(AddressRange interval, bool pinned)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, PageSize.PagesPerHuge);
        if (!status.IsDone())
            return status;
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            if (!_pages.Read(page).OwnsFrame)
                return SvmStatus.NotMapped;
        }

        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            ref PageEntry entry = ref _pages.Entry(page);
            entry.Flags = pinned ? entry.Flags | PageFlags.Pinned : entry.Flags & ~PageFlags.Pinned;
        }

        return SvmStatus.Done;
    }

    /// <summary>Takes mappings and their pages away and lets whoever waits for them find that out.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    private void RemoveMappingLocked(AddressRange interval)
    {
        DropPagesLocked(interval);
        _mappings.Remove(interval);
        _allocations.RemoveWhere(allocation => interval.Overlaps(allocation) && !_mappings.Meets(allocation));
        _waiters.Wake(interval);
    }

    /// <summary>From now on an event waits to be read.</summary>
    private void AnnounceLocked()
    {
        _lock.AssertHeld();
        if (_client is not null && Has(HostMemoryCapabilities.MappingEvents))
            _pendingEvents++;
    }

    /// <summary>Tells the client of an unmap that has taken effect.</summary>
    /// <param name="interval">The interval.</param>
    private void DeliverUnmapped(AddressRange interval)
    {
        Reach(SimulatedOperation.UnmapApplied);
        Deliver(new SimulatedEvent(SimulatedEventKind.Unmap, interval));
    }

    /// <summary>Reads and handles one event, as a service thread would, while the program's thread sleeps. Pairs with <see cref="AnnounceLocked"/>.</summary>
    /// <param name="happened">The event.</param>
    private void Deliver(in SimulatedEvent happened)
    {
        if (_client is not { } client || !Has(HostMemoryCapabilities.MappingEvents))
            return;
        client.EnterEventGate();
        try
        {
            using (_lock.EnterWrite())
            {
                _pendingEvents--;
                if (happened.Kind == SimulatedEventKind.Discard && _options.DiscardOrder == DiscardOrder.OnRead)
                    DropPagesLocked(happened.Interval);
            }

            Reach(SimulatedOperation.EventRead);
            Tell(client, happened);
        }
        finally
        {
            client.LeaveEventGate();
        }

        Reach(SimulatedOperation.EventHandled);
    }

    /// <summary>Says what happened, inside the gate.</summary>
    /// <param name="client">The client.</param>
    /// <param name="happened">The event.</param>
    private static void Tell(IHostMemoryClient client, in SimulatedEvent happened)
    {
        switch (happened.Kind)
        {
            case SimulatedEventKind.Unmap:
                client.Unmapped(happened.Interval);
                break;
            case SimulatedEventKind.Protect:
                client.ProtectionChanged(happened.Interval);
                break;
            case SimulatedEventKind.Remap:
                client.Remapped(happened.Interval, happened.To);
                break;
            default:
                client.Discarded(happened.Interval);
                break;
        }
    }
}
