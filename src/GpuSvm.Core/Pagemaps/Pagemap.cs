// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// One device's memory as a place where pages of a host address space can live: migration there, back, and out of the way. Kernel: struct drm_pagemap.
/// </summary>
/// <remarks>
/// It knows physical things only: frames, allocations and who counts on them. Which address a page has, is the host address space's business: eviction
/// starts from frames and asks it.
///
/// Life of an allocation: Allocate gives it one reference, held by the call. MigrateToDevice adds one for each page that arrives and lists it for
/// eviction. Pages leave one by one or together, each dropping its reference; when the last is gone (INV-29 to INV-31) the block goes back to the device.
///
/// A migration in either direction claims pages, copies without any lock, and settles (<see cref="PageMigration"/>). Whatever fails, the bytes are where
/// they were before: to the device, the staging block is attached back; to RAM, the frames are still there.
/// </remarks>
public sealed class Pagemap : IDevicePageOwner
{
    private const int EvictionRounds = 3;

    private readonly HostAddressSpace _host;
    private readonly ICopyEngine _engine;
    private readonly ZoneDeviceData?[] _zoneData; // By frame. Written while a call holds the allocation; constant while a page lies in the frame (INV-32).
    private readonly AllocationList _allocations = new();
    private readonly Stack<DeviceAllocation> _recycled = new(); // Guarded by _recycleLock.
    private readonly RankedLock _recycleLock = new(LockRank.Leaf, "PagemapRecycled");

    /// <summary>Creates the pagemap of a device and registers it with the address space.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="ownerToken">The owner group, not 0: devices of one group can reach each other's memory.</param>
    public Pagemap(HostAddressSpace host, IGpuDevice device, int ownerToken)
    {
        _host = host;
        Device = device;
        OwnerToken = ownerToken;
        _engine = device.CopyEngine;
        _zoneData = new ZoneDeviceData?[device.Memory.Pages];
        Index = host.RegisterPagemap(this, device.Memory.Pages);
    }

    /// <summary>The device.</summary>
    public IGpuDevice Device { get; }

    /// <summary>The index in page entries.</summary>
    public int Index { get; }

    /// <inheritdoc/>
    public int OwnerToken { get; }

    /// <summary>What moved.</summary>
    public MigrationCounters Counters { get; } = new();

    /// <summary>The number of allocations that hold pages.</summary>
    public int AllocationCount => _allocations.Count;

    /// <summary>Takes a block of device memory.</summary>
    /// <param name="order">Its order.</param>
    /// <param name="allocation">The allocation, with one reference that the caller hands to <see cref="MigrateToDevice"/> or drops.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfDeviceMemory"/>: evict something.</returns>
    public SvmStatus Allocate(PageOrder order, out DeviceAllocation? allocation)
    {
        allocation = null;
        if (Injection.ShouldFail(InjectionPoint.DeviceAllocate))
            return SvmStatus.OutOfDeviceMemory;
        SvmStatus status = Device.Memory.Allocate(order, out DeviceFrame first);
        if (status != SvmStatus.Done)
            return status;
        using (_recycleLock.Enter())
            _recycled.TryPop(out allocation);
        allocation ??= new DeviceAllocation(this);
        allocation.First = first;
        allocation.Order = order;
        allocation.ZoneData.Revive();
        return SvmStatus.Done;
    }

    /// <summary>Moves all pages of an interval into an allocation; pages that nobody ever wrote become frames of zeroes.</summary>
    /// <param name="allocation">From <see cref="Allocate"/>, of the interval's order; this call consumes its reference, whatever the outcome.</param>
    /// <param name="interval">2^order pages, aligned to it.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>As <see cref="PageMigration.SetupToDevice"/>, or <see cref="SvmStatus.CopyFailed"/>. Unless done, every page is where it was.</returns>
    public SvmStatus MigrateToDevice(DeviceAllocation allocation, AddressRange interval, MigrationCause cause, HostWorkspace workspace)
    {
        PageMigration migration = workspace.Migration;
        ZoneDeviceData zoneData = allocation.ZoneData;
        SvmStatus status = migration.SetupToDevice(interval, new MigrationSelection(System: true, Target: Index, AllOrNothing: true), cause);
        if (status != SvmStatus.Done)
        {
            zoneData.Put(1);
            return status;
        }

        status = CopyIn(migration, allocation.First, out int copied);
        if (status != SvmStatus.Done)
        {
            SvmStatus aborted = migration.Abort();
            zoneData.Put(1);
            return aborted == SvmStatus.Done ? status : aborted;
        }

        int pages = (int)interval.Pages;
        Array.Fill(_zoneData, zoneData, allocation.First.Number, pages);
        zoneData.Get(pages);
        _allocations.Add(allocation);
        for (int page = 0; page < pages; page++)
            migration.SetDestination(page, allocation.First + page);
        int arrived = migration.CompleteToDevice(Index);
        Counters.CountToDevice(copied, arrived);
        zoneData.Put(pages - arrived + 1);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Brings the whole allocation's pages around the address home; only the page itself where memory is short.</remarks>
    public SvmStatus MigrateToRam(VirtualAddress address, PageEntry entry, MigrationCause cause)
    {
        if (Volatile.Read(ref _zoneData[entry.Frame.Number]) is not { } zoneData || !zoneData.TryGet()) // Pairs with Release.
            return SvmStatus.Retry; // The page has left meanwhile: its entry has changed.
        HostWorkspace workspace = _host.RentWorkspace();
        DeviceAllocation allocation = zoneData.Allocation;
        SvmStatus status = MoveToRam(allocation, address.Block(allocation.Order), cause, workspace);
        if (status is SvmStatus.OutOfHostMemory or SvmStatus.CopyFailed)
            status = MoveToRam(allocation, address.Block(PageOrder.Small), cause, workspace);
        _host.ReturnWorkspace(workspace);
        zoneData.Put(1);
        return status;
    }

    /// <summary>Pushes every page of an allocation home, found by frame: no address, mapping or range is consulted. Kernel: drm_pagemap_evict_to_ram.</summary>
    /// <param name="allocation">An allocation on which the caller holds a reference.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/> only if no page is left in it; <see cref="SvmStatus.Busy"/> if others hold some; or the failure that kept one there.</returns>
    public SvmStatus EvictToRam(DeviceAllocation allocation, MigrationCause cause)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        SvmStatus status = SvmStatus.Done;
        for (int round = 0; round < EvictionRounds && allocation.ZoneData.References > 1; round++)
        {
            for (int frame = 0; frame < allocation.Order.Pages && allocation.ZoneData.References > 1; frame++)
            {
                if (_host.FindByFrame(Index, allocation.First + frame) is { } page)
                    status = MoveToRam(allocation, page.Block(allocation.Order), cause, workspace);
            }

            if (allocation.ZoneData.References > 1)
                Thread.Yield();
        }

        _host.ReturnWorkspace(workspace);
        if (allocation.ZoneData.References <= 1)
            return SvmStatus.Done;
        return status == SvmStatus.Done ? SvmStatus.Busy : status;
    }

    /// <summary>Evicts the least recently used allocation.</summary>
    /// <returns><see cref="SvmStatus.Done"/> if one was emptied; <see cref="SvmStatus.OutOfDeviceMemory"/> if there is nothing to evict; else why the victim stayed.</returns>
    public SvmStatus EvictOne()
    {
        if (_allocations.PickVictim() is not { } victim)
            return SvmStatus.OutOfDeviceMemory;
        SvmStatus status = EvictToRam(victim, MigrationCause.Eviction);
        if (status == SvmStatus.Done)
            Counters.CountEviction();
        _allocations.EndEviction(victim);
        return status;
    }

    /// <summary>Brings every page home.</summary>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why some pages stayed after many tries.</returns>
    public SvmStatus EvictAll(MigrationCause cause)
    {
        SvmStatus status = SvmStatus.Done;
        for (int failures = 0; _allocations.PickVictim() is { } victim && failures < 1000;)
        {
            status = EvictToRam(victim, cause);
            _allocations.EndEviction(victim);
            if (status != SvmStatus.Done)
                failures++;
        }

        return _allocations.Count == 0 ? SvmStatus.Done : status == SvmStatus.Done ? SvmStatus.Busy : status;
    }

    /// <inheritdoc/>
    public void ReleaseFrames(DeviceFrame first, int pages)
    {
        for (int frame = first.Number; frame < first.Number + pages;)
        {
            ZoneDeviceData zoneData = _zoneData[frame]!;
            int end = Math.Min(first.Number + pages, zoneData.Allocation.First.Number + zoneData.Allocation.Order.Pages);
            int run = end - frame;
            frame = end;
            zoneData.Put(run);
        }
    }

    /// <inheritdoc/>
    public SvmStatus MapFor(IGpuDevice device, DeviceFrame frame, PageOrder order, bool writable, out DeviceAddress address)
    {
        if (!ReferenceEquals(device, Device))
            return Device.MapForPeer(device, frame, order, writable, out address);
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
    public PageOrder OrderOf(DeviceFrame frame) =>
        Volatile.Read(ref _zoneData[frame.Number]) is { } zoneData && zoneData.References >= zoneData.Allocation.Order.Pages // Pairs with Release.
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

    /// <summary>Gives an allocation's block back; nobody refers to it any more.</summary>
    /// <param name="allocation">The allocation, at zero references.</param>
    internal void Release(DeviceAllocation allocation)
    {
        _allocations.Remove(allocation);
        Array.Clear(_zoneData, allocation.First.Number, allocation.Order.Pages);
        Device.Memory.Free(allocation.First, allocation.Order);
        using (_recycleLock.Enter())
            _recycled.Push(allocation);
    }

    /// <summary>Moves the pages of an allocation that lie in an interval home.</summary>
    /// <param name="allocation">The allocation, referenced.</param>
    /// <param name="interval">2^order pages, aligned to it.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="workspace">A rented workspace with an idle migration.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if others hold all of them; else what failed, with the pages still here.</returns>
    private SvmStatus MoveToRam(DeviceAllocation allocation, AddressRange interval, MigrationCause cause, HostWorkspace workspace)
    {
        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupToRam(interval, Index, allocation.First, allocation.Order.Pages, cause);
        if (status != SvmStatus.Done)
            return status;
        if (migration.CollectedPages == 0)
            return SvmStatus.Retry;
        status = CopyOut(migration);
        if (status != SvmStatus.Done)
        {
            SvmStatus aborted = migration.Abort();
            return aborted == SvmStatus.Done ? status : aborted;
        }

        status = migration.CompleteToRam(out int arrived);
        if (arrived > 0)
        {
            Counters.CountToRam(arrived);
            allocation.ZoneData.Put(arrived);
        }

        return status;
    }

    /// <summary>Copies what a migration holds into frames, holes as zeroes, and waits.</summary>
    /// <param name="migration">The migration; all its pages are collected.</param>
    /// <param name="first">The frame of the first page.</param>
    /// <param name="copied">How many held bytes.</param>
    /// <returns><see cref="SvmStatus.Done"/> or the engine's failure.</returns>
    private SvmStatus CopyIn(PageMigration migration, DeviceFrame first, out int copied)
    {
        copied = 0;
        ulong fence = 0;
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages;)
        {
            int run = migration.RunLength(page);
            SvmStatus status;
            if (migration.SourceOf(page) == MigrationSource.Ram)
            {
                status = Injection.ShouldFail(InjectionPoint.CopyToDevice) ? SvmStatus.CopyFailed
                    : _engine.CopyToDevice(migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), first + page, run, out fence);
                copied += run;
            }
            else
            {
                status = Injection.ShouldFail(InjectionPoint.ClearDevice) ? SvmStatus.CopyFailed : _engine.Clear(first + page, run, out fence);
            }

            if (status != SvmStatus.Done)
            {
                SvmStatus drained = _engine.Wait(fence);
                return drained == SvmStatus.Done ? status : drained;
            }

            page += run;
        }

        return _engine.Wait(fence);
    }

    /// <summary>Copies the claimed pages of a migration from their frames into its staging block, and waits.</summary>
    /// <param name="migration">The migration.</param>
    /// <returns><see cref="SvmStatus.Done"/> or the engine's failure.</returns>
    private SvmStatus CopyOut(PageMigration migration)
    {
        ulong fence = 0;
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages;)
        {
            if (!migration.IsCollected(page))
            {
                page++;
                continue;
            }

            int run = 1;
            DeviceFrame source = migration.SourceFrame(page);
            while (page + run < pages && migration.IsCollected(page + run) && migration.SourceFrame(page + run) == source + run)
                run++;
            SvmStatus status = Injection.ShouldFail(InjectionPoint.CopyToHost) ? SvmStatus.CopyFailed
                : _engine.CopyToHost(source, migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), run, out fence);
            if (status != SvmStatus.Done)
            {
                SvmStatus drained = _engine.Wait(fence);
                return drained == SvmStatus.Done ? status : drained;
            }

            page += run;
        }

        return _engine.Wait(fence);
    }
}
