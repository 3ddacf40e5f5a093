// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <summary>
/// One device's mapping of one interval: device addresses, flags, and the notifier sequence it was made under. It knows no range, so that a user pointer uses
/// exactly the same get, unmap and free as a range does. Kernel: struct drm_gpusvm_pages, owned by its user as in the newest form.
/// </summary>
/// <remarks>
/// Get reads the sequence, faults the interval in on the host side with no lock held, takes the notifier lock for write, starts over if the sequence has
/// changed, maps, and publishes. An event that comes later unmaps under the same lock. The page-table commit asks <see cref="IsValidLocked"/>, not the
/// sequence: one window's sequence changes for unrelated addresses as well.
///
/// Entries are dense: entry j covers 2^order pages after entry j-1, in address order, without gaps, inside the interval and aligned to its own order.
/// State is guarded by the notifier's lock; two Gets of one object at a time are the caller's mistake.
/// </remarks>
public sealed class SvmPages
{
    /// <summary>How long one Get may be overtaken by events before it gives up, in milliseconds. Kernel: HMM_RANGE_DEFAULT_TIMEOUT.</summary>
    public const int BudgetMilliseconds = 1000;

    private const int NoPagemap = -1;
    private const int SeveralPagemaps = -2;

    private readonly IGpuDevice _device;
    private DeviceAddress[] _addresses = []; // Guarded by Notifier; grown by Get alone.
    private int _count; // Entries in use. Guarded by Notifier.
    private IDevicePageOwner? _owner; // Who keeps the device pages among them: at most one (INV-18). Guarded by Notifier.
    private bool _isUnmapped; // Guarded by Notifier; terminal (INV-13).

    /// <summary>Creates an object that maps nothing yet. Must be complete before a notifier can reach it.</summary>
    /// <param name="device">Whose mapping it is.</param>
    public SvmPages(IGpuDevice device) => _device = device;

    /// <summary>Whose mapping it is.</summary>
    public IGpuDevice Device => _device;

    /// <summary>The sequence under which the mapping was made; null before the first.</summary>
    public long? Sequence { get; private set; }

    /// <summary>Whether entries hold live device mappings. Guarded by Notifier.</summary>
    public bool HasDmaMapping { get; private set; }

    /// <summary>
    /// Whether an event has taken the mapping's validity away and is still waiting until no unit uses it; the entries live until then, and nobody may bind
    /// them. Guarded by Notifier.
    /// </summary>
    public bool IsStale { get; private set; }

    /// <summary>Whether one of the entries is device memory. Guarded by Notifier.</summary>
    public bool HasDevicePages { get; private set; }

    /// <summary>Whether the mapping allows the device to write. Guarded by Notifier.</summary>
    public bool IsWritable { get; private set; }

    /// <summary>Whether the CPU has unmapped part of the interval: the object refuses to be mapped again. Guarded by Notifier.</summary>
    public bool IsUnmapped => _isUnmapped;

    /// <summary>The dense entries. Guarded by Notifier.</summary>
    public ReadOnlySpan<DeviceAddress> Addresses => _addresses.AsSpan(0, _count);

    /// <summary>Makes the mapping of an interval, faulting it in on the host side where needed. Kernel: drm_gpusvm_get_pages.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The window that watches the interval.</param>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>. <see cref="SvmStatus.MixedPlacement"/>: evict the interval, then retry. <see cref="SvmStatus.Unmapped"/>, <see cref="SvmStatus.NotMapped"/>,
    /// <see cref="SvmStatus.ReadOnly"/>: collect, then look up again. <see cref="SvmStatus.Busy"/>: overtaken for a whole second. <see cref="SvmStatus.CopyFailed"/>: a page could not be
    /// mapped, everything is undone. <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.ProcessGone"/>.
    /// </returns>
    /// <remarks>Locking: must hold neither Host nor Notifier.</remarks>
    public SvmStatus Get(HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace)
    {
        long deadline = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 1000 * BudgetMilliseconds);
        HmmRequest request = context.ReadOnly ? HmmRequest.Read : HmmRequest.Write;
        while (true)
        {
            if (Stopwatch.GetTimestamp() > deadline)
                return SvmStatus.Busy;
            long sequence = host.ReadBegin(notifier.Subscription);
            if (TryRefresh(notifier, sequence, !context.ReadOnly))
                return SvmStatus.Done;
            SvmStatus status = HmmRange.Fault(host, interval, request, context.OwnerToken, deadline, workspace);
            if (status != SvmStatus.Done)
                return status;
            SchedulePoint.Reach(SchedulePointKind.HmmFaulted, this);
            int count = Describe(interval, workspace, out int pagemap, out bool hasSystem);
            bool hasDevice = pagemap != NoPagemap;
            if (pagemap == SeveralPagemaps || (hasDevice && hasSystem && !context.AllowMixed))
                return SvmStatus.MixedPlacement;
            if (context.DeviceOnly && hasSystem)
                return SvmStatus.NotMigratable;
            if (_addresses.Length < count)
                _addresses = new DeviceAddress[count]; // Nothing is mapped now, so nobody reads the old array.
            using (notifier.Lock.EnterWrite())
            {
                if (_isUnmapped)
                    return SvmStatus.Unmapped;
                if (notifier.Subscription.ReadRetry(sequence))
                    continue;
                status = MapLocked(hasDevice ? host.PageOwner(pagemap) : null, workspace, count, !context.ReadOnly);
                if (status != SvmStatus.Done)
                    return status;
                HasDmaMapping = true;
                HasDevicePages = hasDevice;
                IsWritable = !context.ReadOnly;
                Sequence = sequence;
            }

            SchedulePoint.Reach(SchedulePointKind.PagesMapped, this);
            return SvmStatus.Done;
        }
    }

    /// <summary>Whether the mapping still stands: the last question before page-table entries are written. Kernel: drm_gpusvm_pages_valid.</summary>
    /// <param name="notifier">The window; its lock is held.</param>
    /// <returns>True if no event has unmapped it.</returns>
    public bool IsValidLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeld();
        return HasDmaMapping && !IsStale;
    }

    /// <summary>Takes the mapping's validity away; <see cref="UnmapLocked"/> follows when no unit uses it any more. Nothing without a mapping.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void SetStaleLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        IsStale = HasDmaMapping;
    }

    /// <summary>Undoes the mapping; does nothing without one (INV-21). Kernel: drm_gpusvm_unmap_pages.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void UnmapLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        if (!HasDmaMapping)
            return;
        UndoLocked(_count);
        HasDmaMapping = false;
        IsStale = false;
        HasDevicePages = false;
        IsWritable = false;
    }

    /// <summary>Marks the object as unmapped by the CPU, for good.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void SetUnmappedLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        _isUnmapped = true;
    }

    /// <summary>Undoes the mapping and frees the entries. Safe on an object that was never used, and twice. Kernel: drm_gpusvm_free_pages.</summary>
    /// <param name="notifier">The window.</param>
    /// <remarks>Locking: takes Notifier.</remarks>
    public void Free(SvmNotifier notifier)
    {
        using (notifier.Lock.EnterWrite())
        {
            UnmapLocked(notifier);
            _addresses = [];
            _count = 0;
        }
    }

    /// <summary>If the mapping still stands and suffices, renews its sequence.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="sequence">The sequence just read.</param>
    /// <param name="write">Whether writing is wanted.</param>
    /// <returns>True if nothing needs to be done. A standing mapping that does not allow the writing wanted is undone.</returns>
    private bool TryRefresh(SvmNotifier notifier, long sequence, bool write)
    {
        using (notifier.Lock.EnterWrite())
        {
            if (!HasDmaMapping || IsStale)
                return false; // What is stale is unmapped by its event; the sequence read before it makes the caller start over.
            if (write && !IsWritable)
            {
                UnmapLocked(notifier);
                return false;
            }

            Sequence = sequence;
            return true;
        }
    }

    /// <summary>Lays out dense entries for the frames of a walk, as unmapped templates in the workspace.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="workspace">Holds the frames; receives a template an entry, whose order counts.</param>
    /// <param name="pagemap">The pagemap of the device pages among them, or that there are none or several.</param>
    /// <param name="hasSystem">Whether a page in RAM is among them.</param>
    /// <returns>The number of entries.</returns>
    private static int Describe(AddressRange interval, HostWorkspace workspace, out int pagemap, out bool hasSystem)
    {
        HmmFrame[] frames = workspace.Frames;
        int pages = (int)interval.Pages;
        int count = 0;
        pagemap = NoPagemap;
        hasSystem = false;
        for (int page = 0; page < pages;)
        {
            HmmFrame frame = frames[page];
            hasSystem |= !frame.IsDevice;
            if (frame.IsDevice)
                pagemap = pagemap == NoPagemap || pagemap == frame.Pagemap ? frame.Pagemap : SeveralPagemaps;
            int run = 1;
            while (page + run < pages && frames[page + run - 1].IsFollowedBy(frames[page + run]))
                run++;
            while (run > 0)
            {
                PageOrder order = EntryOrder(interval.Start.PageNumber + (ulong)page, frames[page].PagePosition, run);
                workspace.Addresses[count++] = new DeviceAddress((ulong)page << PageSize.Shift, AddressProtocol.System, order, writable: false);
                page += order.Pages;
                run -= order.Pages;
            }
        }

        return count;
    }

    /// <summary>The largest order one entry may have: inside its run, and aligned on both sides. Kernel: drm_gpusvm_hmm_pfn_to_order, which leaves entries unaligned.</summary>
    /// <param name="pageNumber">The virtual page.</param>
    /// <param name="position">The page's position in its memory.</param>
    /// <param name="run">Pages that follow each other.</param>
    /// <returns>The order, at most 9.</returns>
    private static PageOrder EntryOrder(ulong pageNumber, ulong position, int run)
    {
        int aligned = BitOperations.TrailingZeroCount(pageNumber | position | (1UL << 9));
        return new PageOrder((byte)Math.Min(aligned, BitOperations.Log2((uint)run)));
    }

    /// <summary>Maps every entry, or none.</summary>
    /// <param name="owner">Who keeps the device pages among them; null if there are none.</param>
    /// <param name="workspace">Holds the templates and frames.</param>
    /// <param name="count">The number of entries.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise everything is undone.</returns>
    /// <remarks>Locking: Notifier held for write.</remarks>
    private SvmStatus MapLocked(IDevicePageOwner? owner, HostWorkspace workspace, int count, bool writable)
    {
        _owner = owner;
        for (int i = 0; i < count; i++)
        {
            DeviceAddress template = workspace.Addresses[i];
            HmmFrame frame = workspace.Frames[(int)(template.Address >> PageSize.Shift)];
            SvmStatus status = frame.IsDevice
                ? Injection.ShouldFail(InjectionPoint.DeviceMap) ? SvmStatus.CopyFailed : owner!.MapFor(_device, frame.Frame, template.Order, writable, out _addresses[i])
                : MapSystem(frame.Pointer, template.Order, writable, out _addresses[i]);
            if (status == SvmStatus.Done)
                continue;
            UndoLocked(i);
            return status;
        }

        _count = count;
        return SvmStatus.Done;
    }

    /// <summary>Maps host pages for the device; one that needs no DMA mapping reaches them where they are.</summary>
    /// <param name="page">The first byte.</param>
    /// <param name="order">How many.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="address">The mapping.</param>
    /// <returns>The mapper's status.</returns>
    private SvmStatus MapSystem(DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        if (Injection.ShouldFail(InjectionPoint.DmaMap))
            return SvmStatus.CopyFailed;
        if (_device.DmaMapper is { } mapper)
            return mapper.Map(page, order, writable, out address);
        address = new DeviceAddress((ulong)page.Value, AddressProtocol.System, order, writable);
        return SvmStatus.Done;
    }

    /// <summary>Unmaps the first entries and forgets all.</summary>
    /// <param name="mapped">How many are mapped.</param>
    private void UndoLocked(int mapped)
    {
        for (int i = 0; i < mapped; i++)
        {
            if (_addresses[i].Protocol != AddressProtocol.System)
                _owner!.UnmapFor(_device, _addresses[i]);
            else
                _device.DmaMapper?.Unmap(_addresses[i]);
        }

        _count = 0;
        _owner = null;
    }
}
