// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Svm;

/// <summary>
/// One device's mapping of one interval: device addresses, flags, and the notifier sequence it was made under. It knows no range, so that a user pointer uses
/// exactly the same get, unmap and free as a range does. Kernel: struct drm_gpusvm_pages, owned by its user as in the newest form.
/// </summary>
/// <remarks>
/// Get reads the sequence, faults the interval in on the host side and maps it for the device with no lock held, takes the notifier lock for write, starts over if the
/// sequence has changed, and publishes (the kernel maps under the lock; ADR 12). An event that comes later makes the mapping stale under the same lock, so that nobody binds it any more, and unmaps it once no
/// unit uses it. The page-table commit asks <see cref="IsValidLocked"/>, not the sequence: one window's sequence changes for unrelated addresses as well.
/// One host fault may feed the pages objects of several devices (<see cref="GetAll"/>).
///
/// Entries are dense: entry j covers 2^order pages after entry j-1, in address order, without gaps, inside the interval and aligned to its own order.
/// They refer to system memory and to at most one pagemap (INV-18).
///
/// When the CPU unmaps a part of the interval, the object loses just that part and keeps the rest mapped until the rest is handed to smaller objects
/// (<see cref="AdoptLocked"/>). Which part is gone is remembered as one hull of pages; an unmap of a second, distant part widens it.
///
/// State is guarded by the notifier's lock; two Gets of one object at a time are the caller's mistake.
/// </remarks>
public partial class SvmPages
{
    /// <summary>How long one Get may be overtaken by events before it gives up, in milliseconds. Kernel: HMM_RANGE_DEFAULT_TIMEOUT.</summary>
    public const int BudgetMilliseconds = 1000;

    private readonly IGpuDevice _device;
    private DeviceAddress[] _addresses = []; // Guarded by Notifier as far as they are in use; without a mapping the getter's alone, who grows and fills them.
    private int _count; // Entries in use. Guarded by Notifier.
    private int _made; // Entries that are made and not published yet. The getter's alone.
    private IDevicePageOwner? _madeBy; // Who keeps the device pages among them. The getter's alone.
    private IDevicePageOwner? _owner; // Who keeps the device pages among them: at most one (INV-18). Guarded by Notifier.
    private bool _isUnmapped; // Guarded by Notifier; terminal (INV-13).
    private int _goneFirst; // The hull of pages that the CPU has unmapped, in pages from the mapping's start. Guarded by Notifier.
    private int _goneEnd; // As _goneFirst; equal to it for none.
    private int _undoneFirst; // The part of the hull whose device mapping is undone. Guarded by Notifier.
    private int _undoneEnd; // As _undoneFirst.

    /// <summary>Creates an object that maps nothing yet. Must be complete before a notifier can reach it.</summary>
    /// <param name="device">Whose mapping it is.</param>
    public SvmPages(IGpuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
    }

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

    /// <summary>Whether a part that the CPU has unmapped still waits to be unmapped for the device. Guarded by Notifier.</summary>
    public bool IsPartStale => HasDmaMapping && !IsStale && (_goneFirst != _undoneFirst || _goneEnd != _undoneEnd);

    /// <summary>Whether a part of the interval is gone while the rest is still mapped. Guarded by Notifier.</summary>
    public bool HasLostPart => _goneEnd > _goneFirst;

    /// <summary>Whether one of the entries is device memory. Guarded by Notifier.</summary>
    public bool HasDevicePages { get; private set; }

    /// <summary>Whether the entries are the mapping's own copies of pages that stay in RAM; then all of them are, and they are only read. Guarded by Notifier.</summary>
    public bool HasCopies { get; private set; }

    /// <summary>Whether the mapping allows the device to write. Guarded by Notifier.</summary>
    public bool IsWritable { get; private set; }

    /// <summary>Whether the device's atomics may go to every page: it is on a device, or the device's alone. Guarded by Notifier.</summary>
    public bool AllowsAtomics { get; private set; }

    /// <summary>Whether the CPU has unmapped part of the interval: the object refuses to be mapped again. Guarded by Notifier.</summary>
    public bool IsUnmapped => _isUnmapped;

    /// <summary>The dense entries. Guarded by Notifier.</summary>
    public ReadOnlySpan<DeviceAddress> Addresses => _addresses.AsSpan(0, _count);

    /// <summary>The pagemap whose pages are among the entries, or null. Guarded by Notifier.</summary>
    public IDevicePageOwner? PageOwner => _owner;

    /// <summary>Makes the mapping of an interval, faulting it in on the host side where needed. Kernel: drm_gpusvm_get_pages.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier that watches the interval.</param>
    /// <param name="interval">At most 512 pages; always the same one for one object.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As <see cref="GetAll"/>.</returns>
    /// <remarks>Locking: must hold neither Host nor Notifier.</remarks>
    public SvmStatus Get(HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace)
    {
        SvmPages self = this;
        return GetAll(host, notifier, interval, context, workspace, new ReadOnlySpan<SvmPages>(in self));
    }

    /// <summary>Whether the mapping still stands: the last question before page-table entries are written. Kernel: drm_gpusvm_pages_valid.</summary>
    /// <param name="notifier">The window; its lock is held.</param>
    /// <returns>True if no event has unmapped it.</returns>
    public bool IsValidLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeld();
        return HasDmaMapping && !IsStale && !HasLostPart;
    }

    /// <summary>Takes the mapping's validity away; <see cref="UnmapLocked"/> follows when no unit uses it any more. Nothing without a mapping.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void SetStaleLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        IsStale = HasDmaMapping;
    }

    /// <summary>Notes that the CPU has unmapped a part of the interval; <see cref="UnmapPartLocked"/> follows when no unit uses it any more. The rest stays mapped, but nothing is bound from here again.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    /// <param name="first">The part's first page in the interval.</param>
    /// <param name="end">The page after it.</param>
    public void LosePartLocked(SvmNotifier notifier, int first, int end)
    {
        notifier.Lock.AssertHeldWrite();
        if (!HasDmaMapping || IsStale)
            return;
        if (!HasLostPart)
            (_goneFirst, _goneEnd, _undoneFirst, _undoneEnd) = (first, end, first, first);
        _goneFirst = Math.Min(_goneFirst, first);
        _goneEnd = Math.Max(_goneEnd, end);
    }

    /// <summary>Undoes the mapping; does nothing without one (INV-21). Kernel: drm_gpusvm_unmap_pages.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void UnmapLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        if (!HasDmaMapping)
            return;
        UndoLocked(_count);
        Forget();
        InvariantRecord.Require(_count == 0 && _owner is null && !IsPartStale, "INV-21", "pages that were unmapped would be unmapped once more");
    }

    /// <summary>Undoes the mapping of the part that was lost, as far as that has not been done.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void UnmapPartLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        if (!IsPartStale)
            return;
        UndoPagesLocked(_goneFirst, Math.Min(_goneEnd, Math.Max(_undoneFirst, _goneFirst)));
        UndoPagesLocked(Math.Max(_undoneEnd, _goneFirst), _goneEnd);
        (_undoneFirst, _undoneEnd) = (_goneFirst, _goneEnd);
    }

    /// <summary>Marks the object as unmapped by the CPU, for good.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void SetUnmappedLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        _isUnmapped = true;
    }

    /// <summary>Makes room for entries, so that nothing under the notifier's lock need allocate.</summary>
    /// <param name="entries">How many at the most.</param>
    /// <returns>False if there is no memory for them.</returns>
    public bool TryReserve(int entries)
    {
        if (_addresses.Length >= entries || HasDmaMapping)
            return true;
        try
        {
            if (Injection.ShouldFail(InjectionPoint.PagesAllocate))
                return false;
            _addresses = new DeviceAddress[entries];
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>Takes over the part of another object's mapping that covers this one's interval: no map, no unmap. The other one is forgotten by its user afterwards.</summary>
    /// <param name="from">A valid mapping of the same device, of which this part is not lost.</param>
    /// <param name="first">This interval's first page in the other's.</param>
    /// <param name="pages">This interval's length in pages.</param>
    /// <remarks>Locking: Notifier held for write. Room was reserved for <see cref="MostEntries"/>.</remarks>
    public void AdoptLocked(SvmPages from, int first, int pages)
    {
        int at = 0;
        _count = 0;
        bool hasDevice = false;
        foreach (DeviceAddress entry in from.Addresses)
        {
            int end = at + entry.Order.Pages;
            for (int page = Math.Max(at, first); page < Math.Min(end, first + pages);)
            {
                PageOrder order = PartOrder(page, Math.Min(end, first + pages));
                _addresses[_count++] = entry.Part(page - at, order);
                hasDevice |= entry.Protocol != AddressProtocol.System;
                page += order.Pages;
            }

            at = end;
        }

        _owner = hasDevice ? from._owner : null;
        HasDevicePages = hasDevice;
        HasCopies = from.HasCopies;
        HasDmaMapping = true;
        IsWritable = from.IsWritable;
        AllowsAtomics = from.AllowsAtomics;
        Sequence = from.Sequence;
    }

    /// <summary>The most entries that any part of this mapping can have: each cut makes at most one entry into as many as it has orders, on both sides.</summary>
    public int MostEntries => _count + (2 * PageOrder.Huge.Value);

    /// <summary>Ends this object's claim on entries that others have adopted: nothing is unmapped.</summary>
    /// <param name="notifier">The window; its lock is held for write.</param>
    public void ForgetLocked(SvmNotifier notifier)
    {
        notifier.Lock.AssertHeldWrite();
        _count = 0;
        _owner = null;
        Forget();
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

    /// <summary>Pages of system memory and of other devices that are mapped now, for checkers.</summary>
    /// <param name="system">Pages mapped through the DMA mapper.</param>
    /// <param name="peer">Pages of a peer.</param>
    /// <remarks>Locking: Notifier held.</remarks>
    public void CountMappedLocked(out long system, out long peer)
    {
        system = peer = 0;
        int at = 0;
        foreach (DeviceAddress entry in Addresses)
        {
            int undone = Math.Max(0, Math.Min(at + entry.Order.Pages, _undoneEnd) - Math.Max(at, _undoneFirst));
            at += entry.Order.Pages;
            if (entry.Protocol == AddressProtocol.System)
                system += entry.Order.Pages - undone;
            else if (entry.Protocol == AddressProtocol.Peer)
                peer += entry.Order.Pages - undone;
        }
    }

    /// <summary>Resets the flags of an undone mapping.</summary>
    private void Forget()
    {
        HasDmaMapping = false;
        IsStale = false;
        HasDevicePages = false;
        HasCopies = false;
        IsWritable = false;
        AllowsAtomics = false;
        _goneFirst = _goneEnd = _undoneFirst = _undoneEnd = 0;
    }
}
