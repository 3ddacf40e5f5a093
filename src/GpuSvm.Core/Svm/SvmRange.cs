// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Svm;

/// <summary>
/// A naturally aligned power-of-two piece of the address space that the GPU has touched: bookkeeping about virtual addresses, nothing physical.
/// Kernel: struct drm_gpusvm_range. Drivers derive from it.
/// </summary>
/// <remarks>Reference counted: the tree holds one. The interval never changes; a range that loses a part is split into new ones by its driver, or dies.
/// There may be millions: what is in here is paid for by each.</remarks>
public abstract class SvmRange : IntervalNode<SvmRange>
{
    private int _references = 1; // Interlocked; the tree's reference.
    private volatile bool _isUnmapped; // Written under Notifier (write), never back; peeked without.
    private volatile bool _isPartiallyUnmapped; // As _isUnmapped.

    /// <summary>Creates a range with the tree's reference.</summary>
    /// <param name="notifier">Its window.</param>
    /// <param name="interval">Its interval: 2^order pages, aligned to it.</param>
    /// <param name="isMigratable">Whether its pages may move to a device.</param>
    protected SvmRange(SvmNotifier notifier, AddressRange interval, bool isMigratable)
    {
        Notifier = notifier;
        Interval = interval;
        IsMigratable = isMigratable;
    }

    /// <summary>Its window; valid while the range is linked or referenced.</summary>
    public SvmNotifier Notifier { get; }

    /// <summary>Whether its pages may move to a device: decided at creation (INV-14).</summary>
    public bool IsMigratable { get; }

    /// <summary>Its order.</summary>
    public PageOrder Order => PageOrder.FloorOf(Interval.Pages);

    /// <summary>Whether the CPU has unmapped part of it: terminal (INV-13).</summary>
    public bool IsUnmapped => _isUnmapped;

    /// <summary>Whether the unmap left some of it standing.</summary>
    public bool IsPartiallyUnmapped => _isPartiallyUnmapped;

    /// <summary>How many hold it; at least 1 while it is linked (INV-7).</summary>
    public int References => Volatile.Read(ref _references); // Pairs with the interlocked changes below.

    /// <summary>Takes a reference.</summary>
    public void Get() => Interlocked.Increment(ref _references);

    /// <summary>Drops a reference; the last one frees what the driver keeps with the range.</summary>
    /// <remarks>Locking: must not hold Notifier.</remarks>
    public void Put()
    {
        int left = Interlocked.Decrement(ref _references);
        if (left < 0)
            throw new InvalidOperationException($"Range {Interval} was put more often than it was got.");
        if (left == 0)
            Free();
    }

    /// <summary>Marks the range as (partly) unmapped by the CPU. Kernel: drm_gpusvm_range_set_unmapped.</summary>
    /// <param name="unmapped">The interval unmapped.</param>
    /// <remarks>Locking: the notifier's lock is held for write.</remarks>
    public void SetUnmappedLocked(AddressRange unmapped)
    {
        Notifier.Lock.AssertHeldWrite();
        if (!unmapped.Contains(Interval))
            _isPartiallyUnmapped = true;
        _isUnmapped = true;
    }

    /// <summary>Runs at the last put: the backstop that frees pages objects.</summary>
    protected abstract void Free();
}
