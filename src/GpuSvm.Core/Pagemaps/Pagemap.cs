// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// One device's memory as a place where pages of a host address space can live: migration there, back, and out of the way. Kernel: struct drm_pagemap.
/// </summary>
/// <remarks>
/// It knows physical things only: frames, allocations and who counts on them. Which address a page has, is the host address space's business: eviction
/// starts from frames and asks it.
///
/// Life of an allocation: Allocate gives it one reference, held by the call. Populate adds one for each page that arrives and lists it for eviction. Pages
/// leave one by one or together, each dropping its reference and giving its frame back to the device at once; when the last reference is gone (INV-29 to
/// INV-31) the allocation is. Whose frame it is stands in one array by frame, read without locks: it is written while the frame is nobody's, before the first
/// page comes and after the last has gone, so it is constant while a page lies there (INV-32). A stale reader finds an owner that no longer counts
/// (TryGet), or another one, and then claims nothing: a claim asks the page's entry, not the frame.
///
/// A migration in either direction claims pages, copies without any lock, and settles (<see cref="PageMigration"/>). Whatever fails, the bytes are where
/// they were before: to the device, the staging block is attached back and frames of peers still hold theirs; to RAM, the frames are still there.
///
/// Life of a pagemap: counted; users and allocations each hold one reference. At none it is idle and kept for reuse (<see cref="PagemapCache"/>).
/// </remarks>
public sealed partial class Pagemap : IDevicePageOwner, IAged<Pagemap>
{
    private readonly HostAddressSpace _host;
    private readonly ICopyEngine _engine;
    private readonly ZoneDeviceData?[] _zoneData; // By frame; see the remarks.
    private readonly AllocationList _allocations;
    private readonly ReturnHistory _returns;
    private readonly DeviceShares _shares;
    private int _usedPages; // Frames taken from the device. Interlocked.
    private DeviceAllocation? _recycled; // A list through the records, so that a release allocates nothing. Guarded by _recycleLock.
    private readonly Stack<Population> _populations = new(); // Guarded by _recycleLock.
    private readonly RankedLock _recycleLock = new(LockRank.Leaf, "PagemapRecycled");

    /// <summary>Builds the object.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="ownerToken">The owner group.</param>
    private Pagemap(HostAddressSpace host, IGpuDevice device, int ownerToken)
    {
        _host = host;
        Device = device;
        OwnerToken = ownerToken;
        _engine = device.CopyEngine;
        _allocations = new AllocationList(device.Memory);
        _returns = new ReturnHistory(host.Time);
        _zoneData = new ZoneDeviceData?[device.Memory.Pages];
        _shares = DevicePagemaps.Of(device).Shares;
    }

    /// <summary>Creates the pagemap of a device, with one reference, and registers it with the address space. Users ask <see cref="PagemapCache"/>.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="ownerToken">The owner group, not 0: devices of one group can reach each other's memory.</param>
    /// <param name="pagemap">The pagemap.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.DeviceGone"/> if the device is closed.</returns>
    public static SvmStatus Create(HostAddressSpace host, IGpuDevice device, int ownerToken, out Pagemap? pagemap)
    {
        var made = new Pagemap(host, device, ownerToken);
        SvmStatus status = made.Reinitialize();
        pagemap = status == SvmStatus.Done ? made : null;
        if (pagemap is not null && !host.HasRoomForPagemap)
            DeferredWork.Flush(); // Destroyed ones whose indices have not been given back yet.
        if (pagemap is not null)
        {
            pagemap.Index = host.RegisterPagemap(pagemap, device.Memory.Pages);
            pagemap._destruction = new PagemapDestruction(pagemap);
        }

        return status;
    }

    /// <summary>The device.</summary>
    public IGpuDevice Device { get; }

    /// <summary>The index in page entries.</summary>
    public int Index { get; private set; }

    /// <inheritdoc/>
    public int OwnerToken { get; }

    /// <summary>What moved.</summary>
    public MigrationCounters Counters { get; } = new();

    /// <summary>How much a CPU fault brings home. Replaced before faults begin.</summary>
    public IReturnPolicy Return { get; set; } = new BounceReturn();

    /// <summary>What leaves when the device is full. May be replaced at any time.</summary>
    public IEvictionPolicy Eviction
    {
        get => _allocations.Policy;
        set => _allocations.Policy = value;
    }

    /// <summary>Pages of device memory that it has taken.</summary>
    public int UsedPages => Volatile.Read(ref _usedPages); // Pairs with the interlocked changes; any recent value will do.

    /// <summary>Pages of device memory that others leave to it. Guarded by the shares' lock.</summary>
    public int ReservedPages { get; internal set; }

    /// <summary>The number of allocations that hold pages.</summary>
    public int AllocationCount => _allocations.Count;

    /// <summary>Takes a block of device memory.</summary>
    /// <param name="order">Its order.</param>
    /// <param name="clear">Whether to queue zeroing it now; what touches it later waits for that, or is queued behind it.</param>
    /// <param name="allocation">The allocation, with one reference that the caller hands to <see cref="MigrateToDevice"/> or gives up by <see cref="Discard"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.OutOfDeviceMemory"/>: evict something; <see cref="SvmStatus.DeviceGone"/>; <see cref="SvmStatus.CopyFailed"/>
    /// if zeroing could not be queued; <see cref="SvmStatus.OutOfHostMemory"/> without a record for it.</returns>
    public SvmStatus Allocate(PageOrder order, bool clear, out DeviceAllocation? allocation)
    {
        allocation = null;
        if (IsClosed)
            return SvmStatus.DeviceGone;
        if (Injection.ShouldFail(InjectionPoint.DeviceAllocate))
            return SvmStatus.OutOfDeviceMemory;
        if (!_shares.MayTake(this, order.Pages))
            return SvmStatus.OutOfDeviceMemory;
        SvmStatus status = Device.Memory.Allocate(order, out DeviceFrame first);
        if (status != SvmStatus.Done)
            return status;
        ulong fence = 0;
        if (clear)
        {
            status = Injection.ShouldFail(InjectionPoint.ClearDevice) ? SvmStatus.CopyFailed : _engine.Clear(first, order.Pages, out fence);
            if (status != SvmStatus.Done)
            {
                Device.Memory.Free(first, order);
                return status;
            }
        }

        allocation = TryTakeRecord();
        if (allocation is null)
        {
            _ = _engine.Wait(fence); // The next owner's bytes must not be zeroed.
            Device.Memory.Free(first, order);
            return SvmStatus.OutOfHostMemory;
        }

        Interlocked.Add(ref _usedPages, order.Pages);
        allocation.First = first;
        allocation.Order = order;
        allocation.Fence = fence;
        allocation.IsCleared = clear;
        allocation.GuaranteedUntil = 0;
        allocation.HoldsCopies = false;
        Get();
        Array.Fill(_zoneData, allocation.ZoneData, first.Number, order.Pages);
        allocation.ZoneData.Revive();
        return SvmStatus.Done;
    }

    /// <summary>Gives up a block into which nothing was moved.</summary>
    /// <param name="allocation">From <see cref="Allocate"/>; the call's reference goes.</param>
    public void Discard(DeviceAllocation allocation)
    {
        _ = _engine.Wait(allocation.Fence); // The next owner's bytes must not be zeroed; whether this one's were is of no interest any more.
        GiveBack(allocation.First, allocation.Order.Pages);
        allocation.ZoneData.Put();
    }

    /// <inheritdoc/>
    public void ReleaseFrames(DeviceFrame first, int pages)
    {
        for (int frame = first.Number, end = first.Number + pages; frame < end;)
        {
            ZoneDeviceData zoneData = _zoneData[frame]!;
            int run = 1;
            while (frame + run < end && ReferenceEquals(_zoneData[frame + run], zoneData))
                run++;
            GiveBack(new DeviceFrame(frame), run);
            zoneData.PutPages(run);
            frame += run;
        }
    }

    /// <inheritdoc/>
    public SvmStatus MapFor(IGpuDevice device, DeviceFrame frame, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        if (!ReferenceEquals(device, Device))
            return Injection.ShouldFail(InjectionPoint.MapForPeer) ? SvmStatus.CopyFailed : Device.MapForPeer(device, frame, order, writable, out address);
        address = new DeviceAddress((ulong)frame.OffsetBytes, AddressProtocol.LocalMemory, order, writable);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public void UnmapFor(IGpuDevice device, DeviceAddress address)
    {
        if (!ReferenceEquals(device, Device))
            Device.UnmapForPeer(device, address);
    }

    /// <inheritdoc/>
    public long GuaranteedUntil(DeviceFrame frame) =>
        (uint)frame.Number < (uint)_zoneData.Length && Volatile.Read(ref _zoneData[frame.Number]) is { } zoneData ? zoneData.Allocation.GuaranteedUntil : 0; // Advice: a stale answer delays one fault, or does not.

    /// <inheritdoc/>
    public PageOrder OrderOf(DeviceFrame frame) =>
        Volatile.Read(ref _zoneData[frame.Number]) is { } zoneData && zoneData.Pages == zoneData.Allocation.Order.Pages // Pairs with Allocate and GiveBack.
            ? zoneData.Allocation.Order : PageOrder.Small;

    /// <summary>Notes that the GPU used a page: eviction takes others first.</summary>
    /// <param name="frame">The page's frame.</param>
    public void Touch(DeviceFrame frame)
    {
        if (_zoneData[frame.Number] is { } zoneData)
            _allocations.Touch(zoneData.Allocation);
    }

    /// <summary>The zone data of a frame, for checkers.</summary>
    /// <param name="frame">The frame.</param>
    /// <returns>The data, or null for a free frame.</returns>
    internal ZoneDeviceData? ZoneDataOf(DeviceFrame frame) => _zoneData[frame.Number];

    /// <summary>Forgets an allocation; nobody refers to it any more, and its frames have gone back.</summary>
    /// <param name="allocation">The allocation, at zero references.</param>
    /// <remarks>Locking: may be called wherever a page or a copy can go, so it does nothing that waits or allocates.</remarks>
    internal void Release(DeviceAllocation allocation)
    {
        _allocations.Remove(allocation);
        using (_recycleLock.Enter())
        {
            allocation.NextRecycled = _recycled;
            _recycled = allocation;
        }

        Put();
    }

    /// <summary>Gives frames back to the device; what they were part of stays taken.</summary>
    /// <param name="first">The first frame, of which no page refers to any more.</param>
    /// <param name="pages">How many in a row.</param>
    private void GiveBack(DeviceFrame first, int pages)
    {
        Interlocked.Add(ref _usedPages, -pages);
        Array.Clear(_zoneData, first.Number, pages); // Before the device can give them to others.
        Device.Memory.FreePart(first, pages);
    }

    /// <summary>Takes the record of a block from the pool, or makes one.</summary>
    /// <returns>The record, of no block yet; null if there is no memory for one.</returns>
    private DeviceAllocation? TryTakeRecord()
    {
        using (_recycleLock.Enter())
        {
            if (_recycled is { } recycled)
            {
                _recycled = recycled.NextRecycled;
                return recycled;
            }
        }

        try
        {
            return Injection.ShouldFail(InjectionPoint.BlockAllocate) ? null : new DeviceAllocation(this);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Takes scratch from the pool, or makes some.</summary>
    /// <param name="pages">The interval's length.</param>
    /// <returns>The scratch, begun; null if there is no memory for it.</returns>
    private Population? TryRentPopulation(int pages)
    {
        Population? population;
        using (_recycleLock.Enter())
            _populations.TryPop(out population);
        try
        {
            population ??= Injection.ShouldFail(InjectionPoint.BlockAllocate) ? null : new Population();
        }
        catch (OutOfMemoryException)
        {
            return null;
        }

        population?.Begin(pages);
        return population;
    }

    /// <summary>Gives scratch back.</summary>
    /// <param name="population">The scratch.</param>
    private void ReturnPopulation(Population population)
    {
        population.End();
        using (_recycleLock.Enter())
            _populations.Push(population);
    }
}
