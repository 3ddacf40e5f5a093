// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// Gives every user of a device's memory for an address space the same pagemap, and keeps it for the next user when the last one has gone. Kernel: struct drm_pagemap_cache.
/// </summary>
/// <remarks>
/// There is at most one pagemap (INV-37): looking for it and making it are one step under the lookup lock. A lookup that finds an idle one takes it off
/// the shrinker's list, which makes it the lookup's alone, and revives it; if a scan was faster, it forgets it and makes a new one.
/// Locking: the lookup lock (rank Pagemaps) around a lookup; one leaf lock for the pointer, so that <see cref="GetIfActive"/> and the shrinker need no more.
/// </remarks>
public sealed class PagemapCache
{
    private readonly RankedLock _lookup = new(LockRank.Pagemaps, "PagemapCache lookup");
    private readonly RankedLock _lock = new(LockRank.Leaf, "PagemapCache");
    private readonly HostAddressSpace _host;
    private readonly IGpuDevice _device;
    private Pagemap? _pagemap; // Guarded by _lock; not counted.
    private bool _isClosed; // Guarded by _lock.

    /// <summary>Creates an empty cache.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="shrinker">Where idle pagemaps of the device are listed.</param>
    internal PagemapCache(HostAddressSpace host, IGpuDevice device, PagemapShrinker shrinker)
    {
        _host = host;
        _device = device;
        Shrinker = shrinker;
    }

    /// <summary>Where idle pagemaps of the device are listed.</summary>
    public PagemapShrinker Shrinker { get; }

    /// <summary>Gets the pagemap for a user, with a reference: the one in use, the idle one revived, or a new one.</summary>
    /// <param name="pagemap">The pagemap; end with <see cref="Pagemap.EndUse"/> and <see cref="Pagemap.Put"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.DeviceGone"/> if the device is unplugged or closed; <see cref="SvmStatus.ProcessGone"/> if the address space has ended;
    /// <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    /// <remarks>Locking: must hold nothing.</remarks>
    public SvmStatus Get(out Pagemap? pagemap)
    {
        pagemap = null;
        if (_device.IsUnplugged)
            return SvmStatus.DeviceGone;
        if (!_host.TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status;
        using (_lookup.Enter())
        {
            do
                status = LookUp(out pagemap);
            while (status == SvmStatus.Retry);
            pagemap?.BeginUse();
        }

        _host.EndUse();
        return status;
    }

    /// <summary>Gets the pagemap if somebody uses it, with a reference; without the lookup lock.</summary>
    /// <returns>The pagemap; null if it is idle or there is none.</returns>
    /// <remarks>Locking: leaf locks only. Kernel: drm_pagemap_get_from_cache_if_active.</remarks>
    public Pagemap? GetIfActive()
    {
        using (_lock.Enter())
            return _pagemap is { } pagemap && pagemap.TryGet() ? pagemap : null;
    }

    /// <summary>Forgets a pagemap, unless another has taken its place.</summary>
    /// <param name="pagemap">The pagemap.</param>
    internal void Forget(Pagemap pagemap)
    {
        using (_lock.Enter())
        {
            if (ReferenceEquals(_pagemap, pagemap))
                _pagemap = null;
        }
    }

    /// <summary>Ends the cache: an idle pagemap is destroyed now, one in use when its last reference goes.</summary>
    /// <param name="isAtomic">As <see cref="Pagemap.Destroy"/>.</param>
    /// <remarks>Locking: leaf locks; if not atomic, nothing may be held.</remarks>
    internal void Close(bool isAtomic)
    {
        Pagemap? pagemap;
        using (_lock.Enter())
        {
            _isClosed = true;
            pagemap = _pagemap;
            _pagemap = null;
        }

        if (pagemap is not null && Shrinker.Detach(pagemap))
            pagemap.Destroy(isAtomic);
    }

    /// <summary>One try of a lookup.</summary>
    /// <param name="pagemap">The pagemap, with a reference.</param>
    /// <returns>As <see cref="Get"/>; <see cref="SvmStatus.Retry"/> if the one found was lost.</returns>
    private SvmStatus LookUp(out Pagemap? pagemap)
    {
        using (_lock.Enter())
            pagemap = _pagemap;
        SchedulePoint.Reach(SchedulePointKind.Collect, this);
        if (pagemap is null)
            return Create(out pagemap);
        if (pagemap.TryGet())
            return SvmStatus.Done;
        if (!Shrinker.TryClaim(pagemap))
        {
            Forget(pagemap);
            return SvmStatus.Retry;
        }

        Shrinker.SetClaimed(pagemap, PagemapState.Active); // Before it can be got and put by others.
        if (!Injection.ShouldFail(InjectionPoint.PagemapRevive) && pagemap.Reinitialize() == SvmStatus.Done)
            return SvmStatus.Done;
        Shrinker.SetClaimed(pagemap, PagemapState.Destroyed);
        Forget(pagemap);
        pagemap.Destroy(isAtomic: true);
        pagemap = null;
        return SvmStatus.Retry; // Making a new one says why.
    }

    /// <summary>Makes a pagemap and keeps it.</summary>
    /// <param name="pagemap">The pagemap, with a reference.</param>
    /// <returns>As <see cref="Get"/>.</returns>
    private SvmStatus Create(out Pagemap? pagemap)
    {
        pagemap = null;
        SvmStatus status = Injection.ShouldFail(InjectionPoint.PagemapCreate) ? SvmStatus.OutOfHostMemory : Pagemap.Create(_host, _device, _device.LinkGroup, out pagemap);
        if (status != SvmStatus.Done)
            return status;
        using (_lock.Enter())
        {
            if (_isClosed)
                return status; // Not kept: its last put destroys it.
            pagemap!.Cache = this;
            _pagemap = pagemap;
        }

        return status;
    }
}
