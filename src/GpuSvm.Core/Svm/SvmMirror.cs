// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <summary>
/// Mirrors the host address space for a GPU: big aligned notifier windows, made when first needed, and in them the ranges that the GPU has touched.
/// Kernel: struct drm_gpusvm.
/// </summary>
/// <remarks>
/// Data flow: FindOrInsert gives the range for a faulting address; its pages are made by <see cref="SvmPages.Get"/>; events of the host come in through
/// the windows' subscriptions and reach the owner's Invalidate; unmapped ranges are removed later by the owner's collector.
///
/// Locks: callers hold Vm (shared is enough for FindOrInsert). The windows' tree has a leaf lock of its own, each window's ranges its Notifier lock.
/// A new range is inserted under the window's write side after looking again for neighbours, so faults of one VM run in parallel.
/// Subscribing and unsubscribing may wait for events and happens with neither lock held.
/// </remarks>
public sealed class SvmMirror : IDisposable
{
    private readonly HostAddressSpace _host;
    private readonly PageOrder _notifierOrder;
    private readonly PageOrder[] _chunkOrders;
    private readonly RankedLock _treeLock = new(LockRank.Leaf, "SvmMirror.Notifiers");
    private readonly IntervalTree<SvmNotifier> _notifiers = new(); // Guarded by _treeLock.
    private int _rangeCount; // Interlocked.

    /// <summary>Creates a mirror.</summary>
    /// <param name="host">The address space to mirror.</param>
    /// <param name="owner">The driver.</param>
    /// <param name="notifierBytes">Window size: a power of two, at least the largest chunk; 512 MiB is usual.</param>
    /// <param name="chunkOrders">Sizes of ranges: descending orders, the last one 0.</param>
    public SvmMirror(HostAddressSpace host, ISvmMirrorOwner owner, long notifierBytes, ReadOnlySpan<PageOrder> chunkOrders)
    {
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
        _notifierOrder = PageOrder.FloorOf(notifierBytes >> PageSize.Shift);
        _chunkOrders = chunkOrders.ToArray();
    }

    /// <summary>The driver.</summary>
    public ISvmMirrorOwner Owner { get; }

    /// <summary>The sizes of ranges, descending.</summary>
    public ReadOnlySpan<PageOrder> ChunkOrders => _chunkOrders;

    /// <summary>The order of a notifier window.</summary>
    public PageOrder NotifierOrder => _notifierOrder;

    /// <summary>The number of ranges now.</summary>
    public int RangeCount => Volatile.Read(ref _rangeCount); // Pairs with the interlocked changes in Insert and Remove.

    /// <summary>Finds the range that holds an address, or makes one as large as everything around allows. Kernel: drm_gpusvm_range_find_or_insert.</summary>
    /// <param name="address">The faulting address.</param>
    /// <param name="window">The GPU's mirror window that holds it.</param>
    /// <param name="context">Whether writing is wanted, whether the range may migrate.</param>
    /// <param name="range">The range with a reference for the caller, who puts it.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> without a mapping, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.ProcessGone"/>;
    /// <see cref="SvmStatus.Unmapped"/> if the range found is waiting to be collected: collect, then retry .</returns>
    /// <remarks>Locking: takes Host shared, Notifier; must hold neither.</remarks>
    public SvmStatus FindOrInsert(VirtualAddress address, AddressRange window, in SvmContext context, out SvmRange? range)
    {
        range = null;
        if (!window.Contains(address))
            return SvmStatus.InvalidArgument;
        SvmNotifier notifier = UseNotifier(address);
        SvmStatus status = FindOrInsertIn(notifier, address, window, context, out range);
        EndUse(notifier);
        return status;
    }

    /// <summary>Unlinks a range whose pages have been unmapped, drops the tree's reference, and removes its window when it was the last one.</summary>
    /// <param name="range">A linked range.</param>
    /// <remarks>Locking: the VM is owned by the caller; may wait for events.</remarks>
    public void Remove(SvmRange range)
    {
        SvmNotifier notifier = range.Notifier;
        using (notifier.Lock.EnterWrite())
            notifier.Ranges.Remove(range);
        Interlocked.Decrement(ref _rangeCount);
        using (_treeLock.Enter())
            notifier.Users++;
        EndUse(notifier);
        range.Put();
    }

    /// <summary>The first notifier window that overlaps an interval, for walks by the VM's owner. Follow with <see cref="NextNotifier"/>.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The window, or null.</returns>
    public SvmNotifier? FirstNotifier(AddressRange interval)
    {
        using (_treeLock.Enter())
            return _notifiers.FindFirst(interval);
    }

    /// <summary>The window after one that overlaps the same interval.</summary>
    /// <param name="notifier">A window found before.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The window, or null.</returns>
    public SvmNotifier? NextNotifier(SvmNotifier notifier, AddressRange interval)
    {
        using (_treeLock.Enter())
            return _notifiers.NextOverlap(notifier, interval);
    }

    /// <summary>Ends all subscriptions; every range must have been removed before.</summary>
    public void Dispose()
    {
        if (_rangeCount != 0)
            throw new InvalidOperationException($"{_rangeCount} ranges are left in the mirror.");
    }

    /// <summary>The part of <see cref="FindOrInsert"/> inside one window.</summary>
    /// <param name="notifier">The window, in use.</param>
    /// <param name="address">The address.</param>
    /// <param name="window">The GPU's window.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="range">The range, referenced.</param>
    /// <returns>As <see cref="FindOrInsert"/>.</returns>
    private SvmStatus FindOrInsertIn(SvmNotifier notifier, VirtualAddress address, AddressRange window, in SvmContext context, out SvmRange? range)
    {
        range = null;
        using (_host.Lock.EnterRead())
        {
            if (!_host.IsAlive)
                return SvmStatus.ProcessGone;
            if (!_host.TryFindMapping(address, out HostMapping mapping) || !mapping.Interval.Contains(address) || !mapping.IsReadable)
                return SvmStatus.NotMapped;
            if (!context.ReadOnly && !mapping.IsWritable)
                return SvmStatus.ReadOnly;
            AddressRange? chunk;
            using (notifier.Lock.EnterRead())
            {
                if (TryFindLocked(notifier, address, out range, out SvmStatus found))
                    return found;
                chunk = ChunkSelection.LargestLocked(_chunkOrders, address, mapping.Interval, window, notifier);
            }

            if (chunk is not { } interval)
                return SvmStatus.InvalidArgument;
            SvmRange created = Owner.CreateRange(notifier, interval, context.DevicePossible && mapping.IsAnonymous);
            using (notifier.Lock.EnterWrite())
            {
                // Another fault may have inserted between the two locks: take its range, or choose again beside it.
                if (TryFindLocked(notifier, address, out range, out SvmStatus found))
                    return found;
                if (notifier.Ranges.FindFirst(interval) is not null)
                    return SvmStatus.Retry;
                notifier.Ranges.Insert(created);
                created.Get();
                range = created;
            }

            Interlocked.Increment(ref _rangeCount);
            return SvmStatus.Done;
        }
    }

    /// <summary>Looks for the range that holds an address.</summary>
    /// <param name="notifier">The window; its lock is held.</param>
    /// <param name="address">The address.</param>
    /// <param name="range">The range, referenced.</param>
    /// <param name="status">Done, or unmapped for a range that waits to be collected.</param>
    /// <returns>True if there is one.</returns>
    private static bool TryFindLocked(SvmNotifier notifier, VirtualAddress address, out SvmRange? range, out SvmStatus status)
    {
        notifier.Lock.AssertHeld();
        range = notifier.Ranges.Find(address);
        status = SvmStatus.Done;
        if (range is null)
            return false;
        if (range.IsUnmapped)
        {
            range = null;
            status = SvmStatus.Unmapped;
            return true;
        }

        range.Get();
        return true;
    }

    /// <summary>Finds or makes the window of an address and marks it in use.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The window; end with <see cref="EndUse"/>.</returns>
    private SvmNotifier UseNotifier(VirtualAddress address)
    {
        using (_treeLock.Enter())
        {
            if (_notifiers.Find(address) is { } existing)
            {
                existing.Users++;
                return existing;
            }
        }

        // Subscribed before it is found by others, and with no lock held: subscribing looks at running events.
        var created = new SvmNotifier(this, address.Block(_notifierOrder));
        _host.Subscribe(created.Subscription);
        SvmNotifier? winner;
        using (_treeLock.Enter())
        {
            winner = _notifiers.Find(address);
            if (winner is null)
                _notifiers.Insert(created);
            (winner ?? created).Users++;
        }

        if (winner is null)
            return created;
        _host.Unsubscribe(created.Subscription);
        created.Dispose();
        return winner;
    }

    /// <summary>Ends a use of a window; an empty window that nobody uses is removed (INV-1).</summary>
    /// <param name="notifier">The window.</param>
    private void EndUse(SvmNotifier notifier)
    {
        using (_treeLock.Enter())
        {
            // Ranges are inserted only by users and removed only by the VM's owner, so with no other user the count is settled.
            if (--notifier.Users != 0 || notifier.Ranges.Count != 0)
                return;
            _notifiers.Remove(notifier);
        }

        _host.Unsubscribe(notifier.Subscription);
        notifier.Dispose();
    }
}
