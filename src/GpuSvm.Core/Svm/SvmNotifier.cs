// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <summary>
/// One big aligned window of the address space, subscribed to its changes, with the ranges in it. Kernel: struct drm_gpusvm_notifier.
/// </summary>
/// <remarks>
/// Its lock guards the ranges' tree, the state of their pages objects and the commit of their page-table entries; all of that is written under
/// the write side only. The kernel has one such lock for all windows and writes under its read side; here each window has its own.
/// </remarks>
public sealed class SvmNotifier : IntervalNode<SvmNotifier>, IMmuIntervalClient, IDisposable
{
    private readonly SvmMirror _mirror;

    /// <summary>Creates a window that is not subscribed yet.</summary>
    /// <param name="mirror">The mirror it belongs to.</param>
    /// <param name="interval">Its interval: the mirror's window size, aligned to it (INV-1).</param>
    internal SvmNotifier(SvmMirror mirror, AddressRange interval)
    {
        _mirror = mirror;
        Interval = interval;
        Subscription = new MmuIntervalNotifier(interval, this);
    }

    /// <summary>Guards what is in the window.</summary>
    public RankedReaderWriterLock Lock { get; } = new(LockRank.Notifier, "SvmNotifier");

    /// <summary>The subscription that carries the sequence.</summary>
    public MmuIntervalNotifier Subscription { get; }

    /// <summary>The ranges. Guarded by <see cref="Lock"/>.</summary>
    public IntervalTree<SvmRange> Ranges { get; } = new();

    /// <summary>How many calls are between finding the window and having a range in it; a window in use is not removed. Guarded by the mirror's tree lock.</summary>
    internal int Users { get; set; }

    /// <inheritdoc/>
    /// <remarks>The order "lock, store the sequence, tear down" is what makes ReadRetry under the same lock sound. An event that may not block is refused:
    /// the lock may be held by somebody who waits for memory .</remarks>
    public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
    {
        if (!mmuEvent.MayBlock)
            return false;
        using (Lock.EnterWrite())
        {
            notifier.SetSequence(sequence);
            _mirror.Owner.InvalidateStart(this, mmuEvent with { Interval = mmuEvent.Interval.Intersect(Interval) });
        }

        return true;
    }

    /// <inheritdoc/>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent) =>
        _mirror.Owner.InvalidateFinish(this, mmuEvent with { Interval = mmuEvent.Interval.Intersect(Interval) });

    /// <inheritdoc/>
    public void Dispose() => Lock.Dispose();
}
