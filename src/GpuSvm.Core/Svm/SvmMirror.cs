// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <summary>
/// Mirrors the host address space for a GPU: big aligned notifier windows, made when first needed, and in them the ranges that the GPU has touched.
/// Kernel: struct drm_gpusvm.
/// </summary>
/// <remarks>
/// Data flow: FindOrInsert gives the range for a faulting address; its pages are made by <see cref="SvmPages.Get"/>; events of the host come in through
/// the windows' subscriptions and reach the owner's two invalidation passes; unmapped ranges are removed or split later by the owner's collector.
///
/// A mirror without an owner is pages-only: it has no windows and no ranges, just the notifiers of user pointers (<see cref="Watch"/>), which a full mirror
/// has as well, by the same calls and under the same lock discipline (INV-40).
///
/// Locks: callers hold Vm (shared is enough for FindOrInsert). The windows' tree has a leaf lock of its own, each window's ranges its Notifier lock.
/// A new range is inserted under the window's write side after looking again for neighbours and for unmaps, so faults of one VM run in parallel.
/// Subscribing and unsubscribing may wait for events and happens with neither lock held.
/// </remarks>
public sealed partial class SvmMirror : IDisposable
{
    private readonly HostAddressSpace _host;
    private readonly PageOrder _notifierOrder;
    private readonly PageOrder[] _chunkOrders;
    private readonly RankedReaderWriterLock _treeLock = new(LockRank.Leaf, "SvmMirror.Notifiers");
    private readonly IntervalTree<SvmNotifier> _notifiers = new(); // Guarded by _treeLock.
    private readonly HashSet<SvmNotifier> _watched = []; // Guarded by _treeLock.
    private int _rangeCount; // Interlocked.

    /// <summary>Creates a full mirror.</summary>
    /// <param name="host">The address space to mirror.</param>
    /// <param name="owner">The driver.</param>
    /// <param name="notifierBytes">Window size: a power of two, at least the largest chunk; 512 MiB is usual.</param>
    /// <param name="chunkOrders">Sizes of ranges: descending orders, the last one 0.</param>
    /// <param name="driverLock">The lock that callers hold, for checks; null to check nothing. Kernel: drm_gpusvm_driver_set_lock.</param>
    public SvmMirror(
        HostAddressSpace host, ISvmMirrorOwner owner, long notifierBytes, ReadOnlySpan<PageOrder> chunkOrders, RankedReaderWriterLock? driverLock = null)
    {
        ArgumentNullException.ThrowIfNull(owner);
        if (notifierBytes < PageSize.Bytes || !System.Numerics.BitOperations.IsPow2(notifierBytes))
            throw new ArgumentOutOfRangeException(nameof(notifierBytes), notifierBytes, "Use a power of two of at least 4 KiB, for example 512 MiB.");
        if (chunkOrders.IsEmpty || chunkOrders[^1].Value != 0 || chunkOrders[0].Bytes > notifierBytes)
            throw new ArgumentException("Chunk orders must descend to 0 and not exceed the notifier size.", nameof(chunkOrders));
        for (int i = 1; i < chunkOrders.Length; i++)
        {
            if (chunkOrders[i] >= chunkOrders[i - 1])
                throw new ArgumentException("Chunk orders must descend.", nameof(chunkOrders));
        }

        _host = host;
        Owner = owner;
        DriverLock = driverLock;
        _notifierOrder = PageOrder.FloorOf(notifierBytes >> PageSize.Shift);
        _chunkOrders = chunkOrders.ToArray();
    }

    /// <summary>Creates a pages-only mirror: for user pointers alone. Kernel: drm_gpusvm_init without an mm.</summary>
    /// <param name="host">The address space.</param>
    public SvmMirror(HostAddressSpace host)
    {
        _host = host;
        _chunkOrders = [];
    }

    /// <summary>The driver; null for a pages-only mirror.</summary>
    public ISvmMirrorOwner? Owner { get; }

    /// <summary>The lock that callers hold; null if it is not checked.</summary>
    public RankedReaderWriterLock? DriverLock { get; }

    /// <summary>The address space mirrored.</summary>
    public HostAddressSpace Host => _host;

    /// <summary>The sizes of ranges, descending.</summary>
    public ReadOnlySpan<PageOrder> ChunkOrders => _chunkOrders;

    /// <summary>The order of a notifier window.</summary>
    public PageOrder NotifierOrder => _notifierOrder;

    /// <summary>The number of ranges now.</summary>
    public int RangeCount => Volatile.Read(ref _rangeCount); // Pairs with the interlocked changes in Insert and Remove.

    /// <summary>The number of notifiers now: windows and user pointers.</summary>
    public int NotifierCount
    {
        get
        {
            using (_treeLock.EnterRead())
                return _notifiers.Count + _watched.Count;
        }
    }

    /// <summary>Finds the range that holds an address, or makes one as large as everything around allows. Kernel: drm_gpusvm_range_find_or_insert.</summary>
    /// <param name="address">The faulting address.</param>
    /// <param name="window">The GPU's mirror window that holds it.</param>
    /// <param name="context">Whether writing is wanted, whether the range may migrate, how large it may be.</param>
    /// <param name="range">The range with a reference for the caller, who puts it.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> without a mapping, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.ProcessGone"/>;
    /// <see cref="SvmStatus.NotSupported"/> for memory without pages of its own (a device's registers, raw frames);
    /// <see cref="SvmStatus.Unmapped"/> if the range found is waiting to be collected: collect, then retry; <see cref="SvmStatus.Retry"/> if the mapping changed meanwhile, or has lost rights and the context stops there;
    /// <see cref="SvmStatus.InvalidArgument"/> for an address outside the window, a range found that sticks out of it, or a pages-only mirror;
    /// <see cref="SvmStatus.OutOfHostMemory"/> without memory for a range or its window.</returns>
    /// <remarks>Locking: the driver lock is held, shared is enough; takes Host shared, Notifier; must hold neither.</remarks>
    public SvmStatus FindOrInsert(VirtualAddress address, AddressRange window, in SvmContext context, out SvmRange? range)
    {
        range = null;
        DriverLock?.AssertHeld();
        if (Owner is null || !window.Contains(address))
            return SvmStatus.InvalidArgument;
        if (!_host.TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = SvmStatus.OutOfHostMemory;
        if (TryUseNotifier(address) is { } notifier)
        {
            status = FindOrInsertIn(notifier, address, window, context, out range);
            EndUse(notifier);
        }

        _host.EndUse();
        return status;
    }

    /// <summary>Unlinks a range whose pages have been unmapped, drops the tree's reference, and removes its window when it was the last one. Kernel: drm_gpusvm_range_remove.</summary>
    /// <param name="range">A linked range. Its pages are unmapped: once out of the tree no event finds them (INV-20).</param>
    /// <remarks>Locking: the VM is owned by the caller; may wait for events.</remarks>
    public void Remove(SvmRange range)
    {
        DriverLock?.AssertHeldWrite();
        SvmNotifier notifier = range.Notifier;
        using (notifier.Lock.EnterWrite())
            notifier.Ranges.Remove(range);
        Interlocked.Decrement(ref _rangeCount);
        notifier.BeginUse(); // It has just had a range in it, and only who owns the VM removes ranges: it is still there.
        EndUse(notifier);
        range.Put();
    }

    /// <summary>Puts pieces in the place of a range that has lost a part, in one step that no event can come between.</summary>
    /// <param name="range">A linked range; its tree reference stays the caller's to put.</param>
    /// <param name="pieces">New ranges inside it, disjoint, not linked.</param>
    /// <remarks>Locking: the VM is owned by the caller, and the window's lock held for write.</remarks>
    public void ReplaceLocked(SvmRange range, List<SvmRange> pieces)
    {
        DriverLock?.AssertHeldWrite();
        range.Notifier.Lock.AssertHeldWrite();
        range.Notifier.Ranges.Remove(range);
        foreach (SvmRange piece in pieces)
            range.Notifier.Ranges.Insert(piece);
        Interlocked.Add(ref _rangeCount, pieces.Count - 1);
    }

    /// <summary>Watches an interval for a user pointer: nothing is in the notifier but what its client keeps for it. Works in pages-only mirrors too.</summary>
    /// <param name="interval">Page aligned, not empty, any size.</param>
    /// <param name="client">Who holds device mappings of the interval; complete, for an event may come before this returns.</param>
    /// <returns>The subscribed notifier; end with <see cref="Unwatch"/>.</returns>
    /// <remarks>Locking: must hold nothing of rank Invalidation or deeper.</remarks>
    public SvmNotifier Watch(AddressRange interval, ISvmNotifierClient client)
    {
        if (interval.IsEmpty || !interval.IsPageAligned)
            throw new ArgumentException($"A user pointer needs a page-aligned interval with something in it, not {interval}.", nameof(interval));
        var notifier = new SvmNotifier(interval, client);
        using (_treeLock.EnterWrite())
            _watched.Add(notifier);
        _host.Subscribe(notifier.Subscription);
        return notifier;
    }

    /// <summary>Ends what <see cref="Watch"/> began; no callback runs afterwards.</summary>
    /// <param name="notifier">A watched notifier; its pages are unmapped.</param>
    /// <remarks>Locking: may wait for running events.</remarks>
    public void Unwatch(SvmNotifier notifier)
    {
        using (_treeLock.EnterWrite())
        {
            if (!_watched.Remove(notifier))
                throw new ArgumentException("The notifier is not watched by this mirror, or no longer.", nameof(notifier));
        }

        _host.Unsubscribe(notifier.Subscription);
    }

    /// <summary>Ends all subscriptions, removes all ranges and frees the windows, in this order: no callback runs once the first range goes (INV-28, R-20). Kernel: drm_gpusvm_fini.</summary>
    /// <param name="beforeRemove">Called for each range before it is unlinked, with no lock held: takes the device's access to it away.</param>
    /// <exception cref="InvalidOperationException">A user pointer is left.</exception>
    /// <remarks>Locking: the VM is owned by the caller; may wait for events.</remarks>
    public void Close(Action<SvmRange> beforeRemove)
    {
        DriverLock?.AssertHeldWrite();
        var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
        while (FirstNotifier(everything) is { } notifier)
        {
            // The window stays findable until its last range has gone, but hears nothing more.
            _host.Unsubscribe(notifier.Subscription);
            using (_treeLock.EnterWrite())
                notifier.IsRemoved = true;
            while (notifier.Ranges.First is { } range)
            {
                beforeRemove(range);
                Remove(range);
            }

            using (_treeLock.EnterWrite())
            {
                if (notifier.IsLinked)
                    throw new InvalidOperationException($"Window {notifier.Interval} is in use while its mirror is closed.");
            }
        }

        Dispose();
    }

    /// <summary>Checks that nothing is left; ranges and user pointers must have been removed before.</summary>
    /// <exception cref="InvalidOperationException">Something is left.</exception>
    public void Dispose()
    {
        if (RangeCount != 0 || NotifierCount != 0)
            throw new InvalidOperationException($"{RangeCount} ranges and {NotifierCount} notifiers are left in the mirror.");
    }

    /// <summary>Finds or makes the window of an address and marks it in use.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The window; end with <see cref="EndUse"/>. Null if there is no memory for one.</returns>
    private SvmNotifier? TryUseNotifier(VirtualAddress address)
    {
        using (_treeLock.EnterRead())
        {
            if (_notifiers.Find(address) is { } existing)
            {
                existing.BeginUse(); // Before the lock is given up: EndUse removes none under it that is in use.
                return existing;
            }
        }

        // Subscribed before it is found by others, and with no lock held: subscribing looks at running events.
        if (TryCreateNotifier(address.Block(_notifierOrder)) is not { } created)
            return null;
        _host.Subscribe(created.Subscription);
        SvmNotifier? winner;
        using (_treeLock.EnterWrite())
        {
            winner = _notifiers.Find(address);
            if (winner is null)
                _notifiers.Insert(created);
            (winner ?? created).BeginUse();
        }

        if (winner is null)
            return created;
        _host.Unsubscribe(created.Subscription);
        return winner;
    }

    /// <summary>Makes a window that is not subscribed yet.</summary>
    /// <param name="interval">What it watches.</param>
    /// <returns>The window; null if there is no memory for one.</returns>
    private SvmNotifier? TryCreateNotifier(AddressRange interval)
    {
        try
        {
            return Injection.ShouldFail(InjectionPoint.NotifierAllocate) ? null : Owner!.CreateNotifier(this, interval);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Ends a use of a window; an empty window that nobody uses is removed (INV-1).</summary>
    /// <param name="notifier">The window.</param>
    private void EndUse(SvmNotifier notifier)
    {
        if (!notifier.EndUse() || notifier.Ranges.Count != 0)
            return;
        using (_treeLock.EnterWrite())
        {
            // Ranges are inserted only by users and removed only by the VM's owner, so with no user the count is settled. Another one may have come and gone meanwhile, and been here first.
            if (notifier.IsUsed || notifier.Ranges.Count != 0 || !notifier.IsLinked)
                return;
            _notifiers.Remove(notifier);
        }

        if (!notifier.IsRemoved)
            _host.Unsubscribe(notifier.Subscription);
    }
}
