// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <content>Mappings that move to other addresses.</content>
public sealed partial class SimulatedHostMemory
{
    /// <summary>The program moves mappings with their pages to another address. Kernel: mremap with MREMAP_MAYMOVE and MREMAP_FIXED, of equal length.</summary>
    /// <param name="from">A page-aligned interval, wholly mapped.</param>
    /// <param name="to">Where to, page aligned, at least 64 KiB; what stands there goes. The two must not overlap.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ProcessGone"/>; <see cref="SvmStatus.NotSupported"/>
    /// without <see cref="HostMemoryCapabilities.Remaps"/>, where nobody could follow.</returns>
    /// <remarks>The client hears of it when it has happened. What has moved is no allocation any more: the program unmaps it. A huge page is split on the way.</remarks>
    public SvmStatus Remap(AddressRange from, VirtualAddress to)
    {
        if (!Has(HostMemoryCapabilities.Remaps))
            return SvmStatus.NotSupported;
        AddressRange target = AddressRange.OfBytes(to, from.Bytes);
        if (from.IsEmpty || !target.IsPageAligned || to.Value < 0x10000 || target.End > MappingList.ArenaEnd || from.Overlaps(target))
            return SvmStatus.InvalidArgument;
        Reach(SimulatedOperation.MappingChange);
        using (_lock.Enter())
        {
            SvmStatus status = CheckIntervalLocked(from, long.MaxValue);
            if (!status.IsDone())
                return status;
            RemoveMappingLocked(target);
            MoveMappingLocked(from, to - from.Start);
            AnnounceLocked();
        }

        Reach(SimulatedOperation.UnmapApplied);
        if (_client is { } client && Has(HostMemoryCapabilities.MappingEvents))
        {
            client.EnterEventGate();
            try
            {
                using (_lock.Enter())
                    _pendingEvents--;
                Reach(SimulatedOperation.EventRead);
                client.Remapped(from, target);
            }
            finally
            {
                client.LeaveEventGate();
            }

            Reach(SimulatedOperation.EventHandled);
        }

        return SvmStatus.Done;
    }

    /// <summary>Moves mappings and pages.</summary>
    /// <param name="from">The interval.</param>
    /// <param name="distance">Bytes to move it by; nothing is mapped there.</param>
    private void MoveMappingLocked(AddressRange from, long distance)
    {
        var moved = new List<SimulatedMapping>();
        for (VirtualAddress at = from.Start; at < from.End && _mappings.TryFind(at, out SimulatedMapping mapping); at = mapping.Interval.End)
        {
            AddressRange part = mapping.Interval.Intersect(from);
            moved.Add(mapping with { Interval = new AddressRange(part.Start + distance, part.End + distance) });
        }

        ulong end = from.End.PageNumber;
        for (ulong page = _pages.SkipUntouched(from.Start.PageNumber, end); page < end; page = _pages.SkipUntouched(page + 1, end))
        {
            PageEntry entry = _pages.Read(page);
            if (entry.Flags == PageFlags.None)
                continue;
            _pages.EntrySplit(page) = default;
            _pages.EntrySplit((VirtualAddress.OfPage(page) + distance).PageNumber) = entry;
        }

        _mappings.Remove(from);
        _allocations.RemoveWhere(allocation => from.Overlaps(allocation) && !_mappings.Meets(allocation));
        foreach (SimulatedMapping mapping in moved)
            _mappings.Add(mapping);
        _waiters.Wake(from);
    }
}
