// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Svm;

/// <content>
/// One device's entries: mapped, merged where its mapper lays scattered pages side by side, and undone. Kernel: the loop of drm_gpusvm_get_pages, and
/// __drm_gpusvm_unmap_pages.
/// </content>
public partial class SvmPages
{
    /// <summary>
    /// Maps every entry, or none; nothing of it is to be seen until it is published. Where several are in RAM and the mapper has device addresses of its own, they are linked into one reservation, each at its own place, and
    /// neighbours become one entry; device pages in between leave holes. Without room for that each is mapped by itself.
    /// </summary>
    /// <param name="owner">Who keeps the device pages among them; null if there are none.</param>
    /// <param name="workspace">Holds the templates and frames.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="count">The number of entries.</param>
    /// <param name="systemEntries">How many of them are in RAM.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <returns><see cref="SvmStatus.Done"/>: publish it or <see cref="Undo()"/> it; otherwise everything is undone, the device mappings too.</returns>
    /// <remarks>Locking: needs nothing held: without a mapping the entries are the getter's alone.</remarks>
    private SvmStatus Map(IDevicePageOwner? owner, HostWorkspace workspace, AddressRange interval, int count, int systemEntries, in SvmContext context)
    {
        _madeBy = owner;
        DmaReservation reservation = default;
        IPackingDmaMapper? packer = systemEntries > 1 ? _device.DmaMapper as IPackingDmaMapper : null;
        if (packer is not null && (Injection.ShouldFail(InjectionPoint.DmaReserve) || !packer.TryReserve((int)interval.Pages, out reservation)))
            packer = null;
        SvmStatus status = SvmStatus.Done;
        int mapped = 0;
        while (mapped < count)
        {
            DeviceAddress template = workspace.Addresses[mapped];
            ulong page = template.Address >> PageSize.Shift;
            HmmFrame frame = workspace.Frames[(int)page];
            DeviceAddress address;
            if (frame.IsDevice)
                status = MapDevice(owner!, frame, template.Order, !context.ReadOnly, out address);
            else if (packer is null)
                status = MapSystem(frame.Pointer, template.Order, !context.ReadOnly, out address);
            else
                status = Link(packer, reservation, interval.Start.PageNumber + page, frame.Pointer, template.Order, !context.ReadOnly, out address);
            if (status != SvmStatus.Done)
                break;
            _addresses[mapped++] = context.Exclusive && !frame.IsDevice ? address.AsExclusive() : address;
        }

        packer?.Seal(reservation); // Also on failure: what is linked is unmapped like everything else.
        _made = mapped;
        if (status != SvmStatus.Done)
            Undo();
        else if (packer is not null)
            _made = Merge(interval.Start.PageNumber, count);
        return status;
    }

    /// <summary>Undoes what was made and is not published.</summary>
    /// <remarks>Locking: as <see cref="Map"/>.</remarks>
    private void Undo()
    {
        for (int i = 0; i < _made; i++)
            Undo(_addresses[i], _madeBy);
        _made = 0;
        _madeBy = null;
    }

    /// <summary>Makes entries in system memory that follow each other in device addresses into as few as there can be, in place.</summary>
    /// <param name="pageNumber">The interval's first virtual page.</param>
    /// <param name="count">The number of entries.</param>
    /// <returns>The number of entries now.</returns>
    /// <remarks>Never more than there were: pieces that are aligned on both sides are cut anew into the largest that are. Locking: as <see cref="Map"/>.</remarks>
    private int Merge(ulong pageNumber, int count)
    {
        int kept = 0;
        for (int i = 0; i < count;)
        {
            DeviceAddress first = _addresses[i++];
            int run = first.Order.Pages;
            if (first.Protocol != AddressProtocol.System)
            {
                _addresses[kept++] = first;
                pageNumber += (ulong)run;
                continue;
            }

            while (i < count && _addresses[i].Protocol == AddressProtocol.System && _addresses[i].Address == first.Address + ((ulong)run << PageSize.Shift))
                run += _addresses[i++].Order.Pages; // With the same rights: all entries have the caller's.
            for (int at = 0; at < run;)
            {
                PageOrder order = EntryOrder(pageNumber, (first.Address >> PageSize.Shift) + (ulong)at, run - at);
                _addresses[kept++] = first.Part(at, order);
                at += order.Pages;
                pageNumber += (ulong)order.Pages;
            }
        }

        return kept;
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

    /// <summary>Maps host pages for the device at their place of a reservation.</summary>
    /// <param name="packer">The device's mapper.</param>
    /// <param name="reservation">The reservation.</param>
    /// <param name="pageNumber">The first virtual page.</param>
    /// <param name="page">The first byte.</param>
    /// <param name="order">How many; aligned to it in virtual addresses, so at the place too.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <param name="address">The mapping.</param>
    /// <returns>The mapper's status.</returns>
    private static SvmStatus Link(
        IPackingDmaMapper packer, in DmaReservation reservation, ulong pageNumber, DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        return Injection.ShouldFail(InjectionPoint.DmaMap)
            ? SvmStatus.CopyFailed
            : packer.Link(reservation, reservation.PageFor(pageNumber), page, order, writable, out address);
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
                Undo(_addresses[i], _owner);
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
            Undo(entry.Part(page - start, order), _owner);
            page += order.Pages;
        }
    }

    /// <summary>Unmaps one entry or an aligned part of one.</summary>
    /// <param name="entry">What to unmap.</param>
    /// <param name="owner">Who keeps the device pages; null if it is in RAM.</param>
    private void Undo(DeviceAddress entry, IDevicePageOwner? owner)
    {
        if (entry.Protocol == AddressProtocol.System)
        {
            _device.DmaMapper?.Unmap(entry);
            return;
        }

        owner!.UnmapFor(_device, entry);
        if (entry.IsCopy)
            owner.ReleaseFrames(entry.Frame, entry.Order.Pages);
    }
}
