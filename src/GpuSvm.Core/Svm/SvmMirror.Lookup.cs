// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <content>Finding ranges and windows, and choosing new ranges.</content>
public sealed partial class SvmMirror
{
    /// <summary>The first notifier window that overlaps an interval, for walks by the VM's owner. Follow with <see cref="NextNotifier"/>.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The window, or null.</returns>
    public SvmNotifier? FirstNotifier(AddressRange interval)
    {
        using (_treeLock.EnterRead())
            return _notifiers.FindFirst(interval);
    }

    /// <summary>The first window that overlaps an interval, looked at while every thread stands still.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The window, or null.</returns>
    internal SvmNotifier? PeekNotifier(AddressRange interval) => _notifiers.FindFirst(interval);

    /// <summary>The window after one that overlaps the same interval.</summary>
    /// <param name="notifier">A window found before; it may have been removed since: then the walk goes on at the next address.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The window, or null.</returns>
    public SvmNotifier? NextNotifier(SvmNotifier notifier, AddressRange interval)
    {
        VirtualAddress at = notifier.Interval.End;
        return at >= interval.End ? null : FirstNotifier(new AddressRange(at, interval.End));
    }

    /// <summary>The first range that overlaps an interval, with a reference for the caller. Follow with <see cref="NextRange"/>. Kernel: drm_gpusvm_range_find.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The range, or null.</returns>
    /// <remarks>Locking: takes Notifier shared for a moment. The walk is safe against removal of any range, the current one too, and may be resumed at any address.</remarks>
    public SvmRange? FirstRange(AddressRange interval)
    {
        for (SvmNotifier? notifier = FirstNotifier(interval); notifier is not null; notifier = NextNotifier(notifier, interval))
        {
            using (notifier.Lock.EnterRead())
            {
                if (notifier.Ranges.FindFirst(interval) is not { } range)
                    continue;
                range.Get();
                return range;
            }
        }

        return null;
    }

    /// <summary>The range after one that overlaps the same interval; puts the one before.</summary>
    /// <param name="range">What this or <see cref="FirstRange"/> gave.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The range, referenced, or null.</returns>
    public SvmRange? NextRange(SvmRange range, AddressRange interval)
    {
        VirtualAddress at = range.Interval.End;
        range.Put();
        return at >= interval.End ? null : FirstRange(new AddressRange(at, interval.End));
    }

    /// <summary>Whether any range overlaps an interval. Says nothing of live device mappings. Kernel: drm_gpusvm_has_mapping.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if one does; a snapshot.</returns>
    public bool HasRange(AddressRange interval)
    {
        SvmRange? range = FirstRange(interval);
        range?.Put();
        return range is not null;
    }

    /// <summary>The part of <see cref="FindOrInsert"/> inside one window.</summary>
    /// <param name="notifier">The window, in use.</param>
    /// <param name="address">The address.</param>
    /// <param name="window">The GPU's window.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="range">The range, referenced.</param>
    /// <returns>As <see cref="FindOrInsert"/>.</returns>
    /// <remarks>
    /// The mapping may go at any moment, and nothing is held that would stop it. So the count of unmaps is read first and compared under the lock that a new range is
    /// inserted under: an unmap whose event has come in between makes it start over, one whose event comes later finds the range and marks it.
    /// </remarks>
    private SvmStatus FindOrInsertIn(SvmNotifier notifier, VirtualAddress address, AddressRange window, in SvmContext context, out SvmRange? range)
    {
        using var balance = LockBalance.Begin();
        range = null;
        int unmaps = notifier.Unmaps;
        SvmStatus status = FindMapping(address, context, out HostMapping mapping);
        if (status != SvmStatus.Done)
            return status;
        long limit = context.MaxChunkBytes == 0 ? long.MaxValue : Math.Max(context.MaxChunkBytes, PageSize.Bytes);
        AddressRange chunk;
        do
        {
            AddressRange? chosen;
            using (notifier.Lock.EnterRead())
            {
                if (TryFindLocked(notifier, address, window, out range, out status))
                    return status;
                chosen = ChunkSelection.LargestLocked(_chunkOrders, address, mapping.Interval, window, notifier, limit);
            }

            if (chosen is not { } interval)
                return SvmStatus.InvalidArgument;
            chunk = interval;
            limit = chunk.Bytes / 2;
        }
        while (chunk.Pages > 1 && chunk.Bytes <= context.CheckPagesBytes && !IsPresent(chunk, context.OwnerToken));

        if (TryCreateRange(notifier, chunk, context.DevicePossible && mapping.IsAnonymous) is not { } created)
            return SvmStatus.OutOfHostMemory;
        using (notifier.Lock.EnterWrite())
        {
            // Another fault may have inserted between the two locks: take its range, or choose again beside it.
            if (TryFindLocked(notifier, address, window, out range, out status))
                return status;
            if (notifier.Unmaps != unmaps || notifier.Ranges.FindFirst(chunk) is not null)
                return SvmStatus.Retry;
            InvariantRecord.Require(
                !CoreSwitches.Checks || IsLargestLocked(notifier, chunk, mapping.Interval.Intersect(window), context), "INV-6", "a larger chunk would have fitted");
            notifier.Ranges.Insert(created);
            created.Get();
            range = created;
        }

        Interlocked.Increment(ref _rangeCount);
        return SvmStatus.Done;
    }

    /// <summary>Whether no allowed chunk around a chosen one would have fitted, for checks: asked size by size from the chosen one up, of the ranges themselves.</summary>
    /// <param name="notifier">The window; its lock is held.</param>
    /// <param name="chunk">The chosen one, not inserted yet.</param>
    /// <param name="limit">Where it may lie.</param>
    /// <param name="context">The caller's wishes; where pages must be present the choice may be smaller for that.</param>
    /// <returns>True if it is as large as can be.</returns>
    private bool IsLargestLocked(SvmNotifier notifier, AddressRange chunk, AddressRange limit, in SvmContext context)
    {
        notifier.Lock.AssertHeld();
        using AllocationWatch.Scope pause = AllocationWatch.Pause(); // The base library makes a comparer at the first search.
        for (byte value = (byte)(PageOrder.FloorOf(chunk.Pages).Value + 1); ; value++)
        {
            var order = new PageOrder(value);
            AddressRange larger = chunk.Start.Block(order);
            if (!limit.Contains(larger) || !notifier.Interval.Contains(larger))
                break;
            bool isAllowed = Array.IndexOf(_chunkOrders, order) >= 0 && (context.MaxChunkBytes == 0 || larger.Bytes <= context.MaxChunkBytes)
                && larger.Bytes > context.CheckPagesBytes;
            for (SvmRange? range = notifier.Ranges.First; range is not null && isAllowed; range = range.Next)
                isAllowed = !range.Interval.Overlaps(larger);
            if (isAllowed)
                return false;
        }

        return true;
    }

    /// <summary>Makes a range that is not linked yet.</summary>
    /// <param name="notifier">Its window.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="isMigratable">Whether its pages may live on a device.</param>
    /// <returns>The range, with the tree's reference; null if there is no memory for one.</returns>
    internal SvmRange? TryCreateRange(SvmNotifier notifier, AddressRange interval, bool isMigratable)
    {
        try
        {
            return Injection.ShouldFail(InjectionPoint.RangeAllocate) ? null : Owner!.CreateRange(notifier, interval, isMigratable);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Looks the host mapping of an address up and checks what it allows.</summary>
    /// <param name="address">The address.</param>
    /// <param name="context">Whether writing is wanted.</param>
    /// <param name="mapping">The mapping.</param>
    /// <returns>A status as of <see cref="FindOrInsert"/>.</returns>
    private SvmStatus FindMapping(VirtualAddress address, in SvmContext context, out HostMapping mapping)
    {
        mapping = default;
        using (_host.Lock.EnterRead())
        {
            if (!_host.IsAlive)
                return SvmStatus.ProcessGone;
            if (!_host.TryFindMapping(address, out mapping) || !mapping.Interval.Contains(address))
                return SvmStatus.NotMapped;
            if (mapping.HasLostRights && context.StopAtLostRights)
                return SvmStatus.Retry;
            if (!mapping.IsReadable)
                return SvmStatus.NotMapped;
            if (mapping.IsSpecial)
                return SvmStatus.NotSupported;
            return context.ReadOnly || mapping.IsWritable ? SvmStatus.Done : SvmStatus.ReadOnly;
        }
    }

    /// <summary>Whether every page of a chunk is somewhere: in RAM, or on a device of the owner group. Any doubt is a no, and merely means a smaller chunk. Kernel: drm_gpusvm_check_pages.</summary>
    /// <param name="chunk">At most 512 pages are looked at; a larger chunk counts as absent.</param>
    /// <param name="owner">The owner group.</param>
    /// <returns>True if so.</returns>
    private bool IsPresent(AddressRange chunk, int owner)
    {
        if (chunk.Pages > PageSize.PagesPerHuge || _host.TryRentWorkspace() is not { } workspace)
            return false;
        bool isPresent = HmmRange.Snapshot(_host, chunk, owner, workspace) == SvmStatus.Done;
        for (int page = 0; page < (int)chunk.Pages && isPresent; page++)
            isPresent = workspace.Frames[page].IsValid;
        _host.ReturnWorkspace(workspace);
        return isPresent;
    }

    /// <summary>Looks for the range that holds an address.</summary>
    /// <param name="notifier">The window; its lock is held.</param>
    /// <param name="address">The address.</param>
    /// <param name="window">The GPU's window, which must hold the range.</param>
    /// <param name="range">The range, referenced.</param>
    /// <param name="status">Done; unmapped for a range that waits to be collected; invalid for one that sticks out of the window.</param>
    /// <returns>True if there is one.</returns>
    private static bool TryFindLocked(SvmNotifier notifier, VirtualAddress address, AddressRange window, out SvmRange? range, out SvmStatus status)
    {
        notifier.Lock.AssertHeld();
        range = notifier.Ranges.Find(address);
        status = SvmStatus.Done;
        if (range is null)
            return false;
        if (range.IsUnmapped || !window.Contains(range.Interval))
        {
            status = range.IsUnmapped ? SvmStatus.Unmapped : SvmStatus.InvalidArgument;
            range = null;
            return true;
        }

        range.Get();
        return true;
    }
}
