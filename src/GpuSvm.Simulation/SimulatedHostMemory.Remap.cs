// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <content>Changes of mappings that keep the pages: to other addresses, and to other kinds.</content>
public sealed partial class SimulatedHostMemory
{
    /// <summary>The program moves mappings with their pages to other addresses; holes between them stay holes, so that behind one whatever stood there stays.
    /// Kernel: mremap with MREMAP_FIXED, which moves any number of mappings since Linux 6.17.</summary>
    /// <param name="from">A page-aligned interval.</param>
    /// <param name="to">Its first address afterwards, page aligned; the two intervals must not overlap.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> if nothing is mapped at the first address, with nothing changed;
    /// <see cref="SvmStatus.InvalidArgument"/>; <see cref="SvmStatus.NotSupported"/> without <see cref="HostMemoryCapabilities.Remaps"/>; <see cref="SvmStatus.ProcessGone"/>.</returns>
    /// <remarks>What stood at the new addresses goes first, with an event of its own, mapping by mapping. Returns when all events have been handled. Calls the client: hold
    /// nothing that its event gate needs.</remarks>
    public SvmStatus Remap(AddressRange from, VirtualAddress to)
    {
        if (!Has(HostMemoryCapabilities.Remaps))
            return SvmStatus.NotSupported;
        AddressRange target = AddressRange.OfBytes(to, from.Bytes);
        if (from.IsEmpty || !from.IsPageAligned || !target.IsPageAligned || from.Overlaps(target) || to.Value < 0x10000 || target.End > MappingList.ArenaEnd)
            return SvmStatus.InvalidArgument;
        Reach(SimulatedOperation.MappingChange);
        var events = new List<SimulatedEvent>();
        using (_lock.EnterWrite())
        {
            if (_isDisposed)
                return SvmStatus.ProcessGone;
            if (!_mappings.TryFind(from.Start, out SimulatedMapping mapping) || mapping.Interval.Start > from.Start)
                return SvmStatus.NotMapped;
            for (VirtualAddress at = from.Start; _mappings.TryFind(at, out mapping) && mapping.Interval.Start < from.End; at = mapping.Interval.End)
            {
                AddressRange part = mapping.Interval.Intersect(new AddressRange(at, from.End));
                MoveLocked(part, AddressRange.OfBytes(to + (part.Start - from.Start), part.Bytes), events);
            }

            foreach (SimulatedEvent unused in events)
                AnnounceLocked();
        }

        foreach (SimulatedEvent happened in events)
            Deliver(happened);
        return SvmStatus.Done;
    }

    /// <summary>The program wants no huge pages in an interval; mappings are cut at its ends. Kernel: madvise with MADV_NOHUGEPAGE.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, <see cref="SvmStatus.ProcessGone"/>; <see cref="SvmStatus.NotMapped"/> at a hole: what lies before it has changed.</returns>
    public SvmStatus RefuseHugePages(AddressRange interval)
    {
        Reach(SimulatedOperation.MappingChange);
        using var scope = _lock.EnterWrite();
        SvmStatus status = CheckIntervalLocked(interval, long.MaxValue);
        if (status is SvmStatus.Done or SvmStatus.NotMapped)
            _mappings.Change(interval, static part => part with { IsSmallOnly = true });
        return status;
    }

    /// <summary>Moves a part of one mapping with its pages.</summary>
    /// <param name="from">The part.</param>
    /// <param name="to">Where to.</param>
    /// <param name="events">Receives what the client must hear of.</param>
    private void MoveLocked(AddressRange from, AddressRange to, List<SimulatedEvent> events)
    {
        if (_mappings.Meets(to))
        {
            RemoveMappingLocked(to);
            events.Add(new SimulatedEvent(SimulatedEventKind.Unmap, to));
        }

        for (ulong page = from.Start.PageNumber; page < from.End.PageNumber; page++)
        {
            PageEntry moved = _pages.EntrySplit(page);
            _pages.EntrySplit(page) = default;
            _pages.EntrySplit(page - from.Start.PageNumber + to.Start.PageNumber) = moved;
        }

        _mappings.Move(from, to.Start);
        _allocations.RemoveWhere(allocation => from.Overlaps(allocation) && !_mappings.Meets(allocation));
        _waiters.Wake(from);
        events.Add(new SimulatedEvent(SimulatedEventKind.Remap, from, to));
    }

    /// <summary>Gives the pages of an interval that may be written now the right to be: those with a frame of their own, which is nobody else's. Kernel: can_change_pte_writable.</summary>
    /// <param name="interval">The interval.</param>
    private void GrantWritingLocked(AddressRange interval)
    {
        ulong end = interval.End.PageNumber;
        for (ulong page = _pages.SkipUntouched(interval.Start.PageNumber, end); page < end; page = _pages.SkipUntouched(page + 1, end))
        {
            if (_pages.Read(page).OwnsFrame)
                _pages.Entry(page).Flags &= ~PageFlags.WriteProtected;
        }
    }
}
