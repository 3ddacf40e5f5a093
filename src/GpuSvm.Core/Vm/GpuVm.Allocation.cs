// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Vm;

/// <content>What is made when it is needed first.</content>
public sealed partial class GpuVm
{
    /// <summary>A device's pages of a range; made where the device touches it for the first time.</summary>
    /// <param name="range">The range; its fault lock is held, or nobody else knows it.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>The pages; null if there is no memory for them.</returns>
    /// <remarks>Locking: takes Notifier where they are made.</remarks>
    internal GpuPages? TryPagesFor(GpuRange range, int device)
    {
        if (range.PagesOf(device) is { } pages)
            return pages;
        GpuPages?[]? room;
        try
        {
            if (Injection.ShouldFail(InjectionPoint.PagesAllocate))
                return null;
            pages = new GpuPages(_devices[device].Device);
            room = device == 0 ? null : new GpuPages?[_devices.Length - 1];
        }
        catch (OutOfMemoryException)
        {
            return null;
        }

        using (range.Notifier.Lock.EnterWrite())
        {
            if (range.IsUnmapped)
                pages.SetUnmappedLocked(range.Notifier);
            range.AddPagesLocked(device, pages, room);
        }

        return pages;
    }

    /// <summary>Makes a user pointer that hears of events, and that the GPU cannot see yet.</summary>
    /// <param name="interval">The program's memory.</param>
    /// <param name="gpuStart">Where the GPU is to see it.</param>
    /// <param name="isReadOnly">Whether devices may only read it.</param>
    /// <returns>The user pointer; null if there is no memory for it.</returns>
    private GpuUserptr? TryWatch(AddressRange interval, VirtualAddress gpuStart, bool isReadOnly)
    {
        try
        {
            if (Injection.ShouldFail(InjectionPoint.NotifierAllocate))
                return null;
            var created = new GpuUserptr(this, interval, gpuStart, isReadOnly);
            created.Notifier = Mirror.Watch(interval, created);
            return created;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>
    /// Has a range collected if the program has cut the mapping beneath it, as mprotect of a part does without an event: no pages can be got for all of it any more. Smaller
    /// ranges, each inside one mapping, take its place when they are touched, and find its pages where they are.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <returns>True if it is cut: collect, and start over.</returns>
    /// <remarks>Locking: Vm held, Notifier not.</remarks>
    internal bool RetireIfCut(GpuRange range)
    {
        if (Host.TryFindMapping(range.Interval.Start, out HostMapping mapping) && mapping.Interval.Contains(range.Interval))
            return false;
        _collector.Queue(range);
        return true;
    }

    /// <summary>Counts and tells of a range that a fault maps where it is, in RAM.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Who faulted.</param>
    /// <param name="status">Why it did not move; done if it was not to.</param>
    internal void CountRemoteMap(GpuRange range, VmDevice device, SvmStatus status)
    {
        Counters.CountRemoteMap();
        device.AccessCounters?.Notice();
        Host.Events.MapRemote(range.Interval, device.Pagemap.Index, status);
    }
}
