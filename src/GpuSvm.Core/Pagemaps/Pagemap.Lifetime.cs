// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <content>References, reuse, the end, and the device's unplugging.</content>
public sealed partial class Pagemap
{
    private const int Closed = int.MinValue / 2;

    private int _references; // Interlocked; 0 is idle, not gone.
    private DeviceHold? _hold; // Interlocked; there while referenced (INV-36).
    private PagemapDestruction _destruction = null!; // Set once by Create; queued or cancelled by Destroy.
    private int _users; // Those who brought pages here and have not ended that. Interlocked.
    private int _inside; // Migrations to the device under way; far below 0 once unplugged. Interlocked.

    /// <summary>How many use it: users, and allocations. 0 is idle.</summary>
    public int References => Volatile.Read(ref _references); // Pairs with the interlocked changes below.

    /// <summary>Whether it keeps its device, for checkers.</summary>
    internal bool HasHold => Volatile.Read(ref _hold) is not null; // Pairs with the exchanges in Reinitialize and Put.

    /// <summary>Whether it takes no pages any more because the device is unplugged.</summary>
    public bool IsClosed => Device.IsUnplugged || Volatile.Read(ref _inside) < 0; // Pairs with Unplug.

    /// <summary>The cache that keeps it for reuse; null for none. Guarded by the shrinker's lock once it is set.</summary>
    internal PagemapCache? Cache { get; set; }

    /// <summary>Where it stands between its uses. Guarded by the shrinker's lock.</summary>
    internal PagemapState State { get; set; }

    /// <inheritdoc/>
    Pagemap? IAged<Pagemap>.Newer { get; set; }

    /// <inheritdoc/>
    Pagemap? IAged<Pagemap>.Older { get; set; }

    /// <summary>Takes a reference beside one that the caller knows to be held.</summary>
    public void Get() => Interlocked.Increment(ref _references);

    /// <summary>Takes a reference unless it is idle.</summary>
    /// <returns>False if it is: ask its cache.</returns>
    public bool TryGet()
    {
        for (int seen = References; seen != 0;)
        {
            int now = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (now == seen)
                return true;
            seen = now;
        }

        return false;
    }

    /// <summary>A user begins: it will bring pages here. It holds a reference for as long.</summary>
    internal void BeginUse()
    {
        Interlocked.Increment(ref _users); // Pairs with EndUse.
        _shares.Join(this);
    }

    /// <summary>Whether somebody brings pages here.</summary>
    internal bool HasUsers => Volatile.Read(ref _users) > 0; // Pairs with BeginUse and EndUse.

    /// <summary>A user ends: it brings no more pages here. The last one brings home what is left; if another user begins meanwhile, what is left is that one's.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or why some pages are still here.</returns>
    public SvmStatus EndUse()
    {
        if (Interlocked.Decrement(ref _users) > 0) // Pairs with BeginUse.
            return SvmStatus.Done;
        SvmStatus status = EvictAll(MigrationCause.Prefetch);
        _shares.Leave(this);
        return Volatile.Read(ref _users) > 0 ? SvmStatus.Done : status; // As above.
    }

    /// <summary>Drops a reference. The last one makes it idle: kept for reuse, or destroyed if it has no cache or nothing to come back to. Kernel: drm_pagemap_put.</summary>
    /// <remarks>Locking: waits for nothing and calls nothing outward: may be called with locks of any rank below Leaf held. The hold on the device is dropped later, by other hands.</remarks>
    public void Put()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        int left = Interlocked.Decrement(ref _references);
        if (left < 0)
            throw new InvalidOperationException("A pagemap was put more often than got.");
        if (left > 0)
            return;
        DeviceHold hold = Interlocked.Exchange(ref _hold, null)!; // First: once it is listed, somebody may revive it with a hold of its own.
        if (Cache is not { } cache)
        {
            Destroy(isAtomic: true);
        }
        else if (!cache.Shrinker.TryAdd(this))
        {
            cache.Forget(this);
            Destroy(isAtomic: true);
        }

        hold.Queue();
    }

    /// <summary>Brings an idle pagemap back to life, or a new one to its first. Kernel: drm_pagemap_reinit.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, with one reference; <see cref="SvmStatus.DeviceGone"/> if the device is disposed.</returns>
    /// <remarks>The caller is the only one who knows it now.</remarks>
    internal SvmStatus Reinitialize()
    {
        if (DeviceHold.TryTake(Device) is not { } hold)
            return SvmStatus.DeviceGone;
        Interlocked.Exchange(ref _hold, hold); // Pairs with Put.
        Volatile.Write(ref _references, 1); // Last: from now on others may take references.
        return SvmStatus.Done;
    }

    /// <summary>Ends a pagemap: its index is free for another. Kernel: drm_pagemap_ops.destroy.</summary>
    /// <param name="isAtomic">Whether the caller may hold locks; then it is done later, by deferred work.</param>
    /// <remarks>It is idle and on no list, so nothing can find it: no page entry, no cache.</remarks>
    internal void Destroy(bool isAtomic)
    {
        if (isAtomic)
        {
            _destruction.Queue();
            return;
        }

        _destruction.Cancel();
        GiveUpIndex();
    }

    /// <summary>Gives the index of an ended pagemap back.</summary>
    /// <remarks>Locking: nothing may be held.</remarks>
    internal void GiveUpIndex()
    {
        if (!_host.TryUse())
            return; // The address space has ended, and its indices with it.
        _host.UnregisterPagemap(Index);
        _host.EndUse();
    }

    /// <inheritdoc/>
    public void AddressSpaceEnded() => Cache?.Close(isAtomic: true);

    /// <summary>
    /// Takes the device away: no page can come any more, those that are here come home, and mappings that peers have of its memory go with them (R-24, INV-38).
    /// Kernel: drm_dev_unplug with the driver's eviction.
    /// </summary>
    /// <returns><see cref="SvmStatus.Done"/>: the device is empty and may be disposed. Else why some pages are still there, unharmed: call again.</returns>
    /// <remarks>Locking: must hold nothing.</remarks>
    public SvmStatus Unplug()
    {
        Device.BeginUnplug();
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        for (int seen = Volatile.Read(ref _inside); seen >= 0;) // Pairs with TryEnter.
        {
            int now = Interlocked.CompareExchange(ref _inside, seen + Closed, seen);
            if (now == seen)
                break;
            seen = now;
        }

        Pause pause = default;
        while (Volatile.Read(ref _inside) != Closed) // Pairs with Leave: migrations that were let in end by themselves.
            pause.Once(this);

        SvmStatus status = EvictAll(MigrationCause.Unplug);
        InvariantRecord.Require(status != SvmStatus.Done || AllocationCount == 0, "INV-38", "pages are left on a device whose unplugging was reported done");
        return status;
    }

    /// <summary>Begins a migration to the device.</summary>
    /// <returns>False if the device is unplugged. True: balance with <see cref="Leave"/>.</returns>
    private bool TryEnter()
    {
        if (Device.IsUnplugged)
            return false;
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        if (Interlocked.Increment(ref _inside) > 0) // Pairs with Unplug: either it waits for us, or we see it.
            return true;
        Interlocked.Decrement(ref _inside);
        return false;
    }

    /// <summary>Ends a migration to the device.</summary>
    private void Leave()
    {
        Interlocked.Decrement(ref _inside); // Pairs with the wait in Unplug.
        SchedulePoint.Signal(this);
    }
}
