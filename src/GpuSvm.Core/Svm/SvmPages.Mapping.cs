// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <content>Making and undoing device mappings.</content>
public partial class SvmPages
{
    private const int NoPagemap = -1;
    private const int SeveralPagemaps = -2;

    /// <summary>Makes the mappings of one interval for several devices from one host fault, or for one. Kernel: drm_gpusvm_get_pages, which serves one object.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier that watches the interval.</param>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="context">The caller's wishes; the owner group is that of all the devices, or 0.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="all">The objects, at most 64, each of another device and with this interval; those that stand already and suffice are left alone.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>: all are mapped. Otherwise none that was not before: <see cref="SvmStatus.MixedPlacement"/>: evict the interval, then retry.
    /// <see cref="SvmStatus.NotSupported"/>: the pages lie on a device that one of these cannot reach; evict, then retry. <see cref="SvmStatus.NotMigratable"/>: only device
    /// memory was wanted, and a page is in RAM. <see cref="SvmStatus.Unmapped"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>: collect, then look up
    /// again. <see cref="SvmStatus.Busy"/>: overtaken for a whole second (INV-26). <see cref="SvmStatus.CopyFailed"/>, <see cref="SvmStatus.DeviceGone"/>: a page could not be
    /// mapped, everything is undone. <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.ProcessGone"/>.
    /// </returns>
    /// <remarks>Locking: must hold neither Host nor Notifier.</remarks>
    public static SvmStatus GetAll(
        HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace, ReadOnlySpan<SvmPages> all)
    {
        if (!host.TryUse())
            return SvmStatus.ProcessGone;
        using var balance = LockBalance.Begin();
        var budget = new RetryBudget(host.Time, BudgetMilliseconds);
        HmmRequest request = context.Exclusive ? HmmRequest.Exclusive : context.ReadOnly ? HmmRequest.Read : HmmRequest.Write;
        SvmStatus status;
        do
        {
            long sequence = host.ReadBegin(notifier.Subscription);
            if (AreRefreshed(notifier, sequence, context, all))
            {
                status = SvmStatus.Done;
                break;
            }

            status = HmmRange.Fault(host, interval, new HmmQuery(request, context.OwnerToken), ref budget, workspace);
            if (status != SvmStatus.Done)
                break;
            SchedulePoint.Reach(SchedulePointKind.HmmFaulted, notifier);
            status = Publish(host, notifier, interval, context, workspace, all, sequence);
            if (status == SvmStatus.Retry && !budget.TrySpend())
                status = SvmStatus.Busy;
        }
        while (status == SvmStatus.Retry);

        host.EndUse();
        if (status == SvmStatus.Done)
            SchedulePoint.Reach(SchedulePointKind.PagesMapped, notifier);
        return status;
    }

    /// <summary>The second half of a pass of <see cref="GetAll"/>: from the frames to the mappings, under the notifier's lock.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">Holds the frames.</param>
    /// <param name="all">The objects.</param>
    /// <param name="sequence">What was read before the fault.</param>
    /// <returns><see cref="SvmStatus.Retry"/> if an event has come in between; else as <see cref="GetAll"/>.</returns>
    private static SvmStatus Publish(
        HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace, ReadOnlySpan<SvmPages> all, long sequence)
    {
        int count = Describe(interval, workspace, out int pagemap, out bool hasSystem);
        bool hasDevice = pagemap != NoPagemap;
        if (pagemap == SeveralPagemaps || (hasDevice && hasSystem && !context.AllowMixed))
            return SvmStatus.MixedPlacement;
        if (context.DeviceOnly && hasSystem)
            return SvmStatus.NotMigratable;
        foreach (SvmPages pages in all)
        {
            if (!pages.TryReserve(count))
                return SvmStatus.OutOfHostMemory;
        }

        IDevicePageOwner? owner = hasDevice ? host.PageOwner(pagemap) : null;
        using (notifier.Lock.EnterWrite())
        {
            foreach (SvmPages pages in all)
            {
                if (pages._isUnmapped)
                    return SvmStatus.Unmapped;
            }

            if (notifier.Subscription.ReadRetry(sequence))
                return SvmStatus.Retry;
            SchedulePoint.Reach(SchedulePointKind.PagesPublishing, notifier);
            ulong made = 0; // Which of them this pass has mapped, to be undone together.
            for (int i = 0; i < all.Length; i++)
            {
                SvmPages pages = all[i];
                if (pages.HasDmaMapping)
                    continue; // Refreshed, and no event since: the sequence is unchanged.
                SvmStatus status = pages.MapLocked(owner, workspace, count, context);
                if (status != SvmStatus.Done)
                {
                    for (; made != 0; made &= made - 1)
                        all[BitOperations.TrailingZeroCount(made)].UnmapLocked(notifier);
                    return status;
                }

                InvariantRecord.Require(!context.DeviceOnly || !pages.HasSystemEntry(), "INV-19", "device memory only was asked for, and a page in RAM was mapped");
                made |= 1UL << i;
                pages.HasDmaMapping = true;
                pages.HasDevicePages = hasDevice;
                pages.IsWritable = !context.ReadOnly;
                pages.AllowsAtomics = !context.ReadOnly && (context.Exclusive || !hasSystem);
                pages.Sequence = sequence;
            }
        }

        return SvmStatus.Done;
    }

    /// <summary>Whether all mappings stand and suffice; then their sequences are renewed. Those that do not allow what is wanted are undone.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="sequence">The sequence just read.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="all">The objects.</param>
    /// <returns>True if nothing needs to be done.</returns>
    private static bool AreRefreshed(SvmNotifier notifier, long sequence, in SvmContext context, ReadOnlySpan<SvmPages> all)
    {
        bool areValid = true;
        using (notifier.Lock.EnterWrite())
        {
            foreach (SvmPages pages in all)
            {
                if (!pages.IsValidLocked(notifier))
                {
                    areValid = false; // What is stale is unmapped by its event; the sequence read before it makes the caller start over.
                    continue;
                }

                if ((!context.ReadOnly && !pages.IsWritable) || (context.Exclusive && !pages.AllowsAtomics))
                {
                    pages.UnmapLocked(notifier);
                    areValid = false;
                    continue;
                }

                pages.Sequence = sequence;
            }
        }

        return areValid;
    }

    /// <summary>Whether an entry is system memory, for checks.</summary>
    /// <returns>True if one is.</returns>
    private bool HasSystemEntry()
    {
        foreach (DeviceAddress entry in Addresses)
        {
            if (entry.Protocol == AddressProtocol.System)
                return true;
        }

        return false;
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
        int aligned = BitOperations.TrailingZeroCount(pageNumber | position | (1UL << PageOrder.Huge.Value));
        return new PageOrder((byte)Math.Min(aligned, BitOperations.Log2((uint)run)));
    }

    /// <summary>The largest aligned block of pages at the start of an interval.</summary>
    /// <param name="page">The first page.</param>
    /// <param name="end">The page after the last.</param>
    /// <returns>The order, at most 9.</returns>
    private static PageOrder PartOrder(int page, int end) => EntryOrder((ulong)page, 0, end - page);

    /// <summary>Maps every entry, or none.</summary>
    /// <param name="owner">Who keeps the device pages among them; null if there are none.</param>
    /// <param name="workspace">Holds the templates and frames.</param>
    /// <param name="count">The number of entries.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise everything is undone.</returns>
    /// <remarks>Locking: Notifier held for write.</remarks>
    private SvmStatus MapLocked(IDevicePageOwner? owner, HostWorkspace workspace, int count, in SvmContext context)
    {
        _owner = owner;
        for (int i = 0; i < count; i++)
        {
            DeviceAddress template = workspace.Addresses[i];
            HmmFrame frame = workspace.Frames[(int)(template.Address >> PageSize.Shift)];
            SvmStatus status = frame.IsDevice
                ? MapDevice(owner!, frame, template.Order, !context.ReadOnly, out _addresses[i])
                : MapSystem(frame.Pointer, template.Order, !context.ReadOnly, context.Exclusive, out _addresses[i]);
            if (status == SvmStatus.Done)
                continue;
            UndoLocked(i);
            return status;
        }

        _count = count;
        return SvmStatus.Done;
    }

    /// <summary>Maps device frames for the device.</summary>
    /// <param name="owner">Who keeps them.</param>
    /// <param name="frame">The first frame.</param>
    /// <param name="order">How many.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="address">The mapping.</param>
    /// <returns>The owner's status.</returns>
    private SvmStatus MapDevice(IDevicePageOwner owner, HmmFrame frame, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        return Injection.ShouldFail(InjectionPoint.DeviceMap) ? SvmStatus.CopyFailed : owner.MapFor(_device, frame.Frame, order, writable, out address);
    }

    /// <summary>Maps host pages for the device; one that needs no DMA mapping reaches them where they are.</summary>
    /// <param name="page">The first byte.</param>
    /// <param name="order">How many.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="exclusive">Whether they are the device's alone.</param>
    /// <param name="address">The mapping.</param>
    /// <returns>The mapper's status.</returns>
    private SvmStatus MapSystem(DmaPointer page, PageOrder order, bool writable, bool exclusive, out DeviceAddress address)
    {
        address = default;
        if (Injection.ShouldFail(InjectionPoint.DmaMap))
            return SvmStatus.CopyFailed;
        SvmStatus status = SvmStatus.Done;
        if (_device.DmaMapper is { } mapper)
            status = mapper.Map(page, order, writable, out address);
        else
            address = new DeviceAddress((ulong)page.Value, AddressProtocol.System, order, writable);
        if (exclusive && status == SvmStatus.Done)
            address = address.AsExclusive();
        return status;
    }

    /// <summary>Unmaps the first entries, but for what is undone already, and forgets all.</summary>
    /// <param name="mapped">How many are mapped.</param>
    private void UndoLocked(int mapped)
    {
        int at = 0;
        for (int i = 0; i < mapped; i++)
        {
            int end = at + _addresses[i].Order.Pages;
            if (end <= _undoneFirst || at >= _undoneEnd)
            {
                Undo(_addresses[i]);
            }
            else
            {
                UndoParts(_addresses[i], at, at, Math.Min(end, _undoneFirst));
                UndoParts(_addresses[i], at, Math.Max(at, _undoneEnd), end);
            }

            at = end;
        }

        _count = 0;
        _owner = null;
    }

    /// <summary>Unmaps some pages of the mapping, whole entries or parts of them.</summary>
    /// <param name="first">The first page, from the mapping's start.</param>
    /// <param name="limit">The page after the last; nothing if not above the first.</param>
    private void UndoPagesLocked(int first, int limit)
    {
        int at = 0;
        for (int i = 0; i < _count; i++)
        {
            int end = at + _addresses[i].Order.Pages;
            UndoParts(_addresses[i], at, Math.Max(at, first), Math.Min(end, limit));
            at = end;
        }
    }

    /// <summary>Unmaps aligned parts of one entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="start">Its first page in the mapping.</param>
    /// <param name="first">The first page to unmap.</param>
    /// <param name="limit">The page after the last; nothing if not above the first.</param>
    private void UndoParts(DeviceAddress entry, int start, int first, int limit)
    {
        for (int page = first; page < limit;)
        {
            PageOrder order = PartOrder(page - start, limit - start);
            Undo(entry.Part(page - start, order));
            page += order.Pages;
        }
    }

    /// <summary>Unmaps one entry or an aligned part of one.</summary>
    /// <param name="entry">What to unmap.</param>
    private void Undo(DeviceAddress entry)
    {
        if (entry.Protocol != AddressProtocol.System)
            _owner!.UnmapFor(_device, entry);
        else
            _device.DmaMapper?.Unmap(entry);
    }
}
