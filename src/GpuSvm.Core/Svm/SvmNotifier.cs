// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <summary>
/// An interval of the address space, subscribed to its changes: a big aligned window with the ranges in it, or just the interval of a user pointer.
/// Kernel: struct drm_gpusvm_notifier. Drivers may derive from it.
/// </summary>
/// <remarks>
/// Its lock guards the ranges' tree, the state of the pages objects in the interval and the commit of their page-table entries; all of that is written under
/// the write side only. The kernel has one such lock for all windows and writes under its read side; here each notifier has its own. Faulted memory and user
/// pointers use the same class and so the same discipline (INV-40); where the two overlap, an event visits both, one after the other.
/// </remarks>
public class SvmNotifier : IntervalNode<SvmNotifier>, IMmuIntervalClient
{
    private readonly ISvmNotifierClient _client;
    private int _unmaps; // Written under Lock (write); read without.
    private int _users; // Interlocked.

    /// <summary>Creates a notifier that is not subscribed yet.</summary>
    /// <param name="interval">Its interval; for a window the mirror's window size, aligned to it (INV-1).</param>
    /// <param name="client">Who holds device mappings in it.</param>
    public SvmNotifier(AddressRange interval, ISvmNotifierClient client)
    {
        _client = client;
        Interval = interval;
        Subscription = new MmuIntervalNotifier(interval, this);
    }

    /// <summary>Guards what is in the interval. Kernel: notifier_lock.</summary>
    public RankedReaderWriterLock Lock { get; } = new(LockRank.Notifier, "SvmNotifier", hasFewReaders: true);

    /// <summary>The subscription that carries the sequence.</summary>
    public MmuIntervalNotifier Subscription { get; }

    /// <summary>The ranges; empty for a user pointer. Guarded by <see cref="Lock"/>.</summary>
    public IntervalTree<SvmRange> Ranges { get; } = new();

    /// <summary>How many unmaps have hit the interval: whoever looked a mapping up before one must look again.</summary>
    public int Unmaps => Volatile.Read(ref _unmaps); // Pairs with InvalidateStart.

    /// <summary>Whether a call is between finding the window and having a range in it; a window in use is not removed.</summary>
    internal bool IsUsed => Volatile.Read(ref _users) != 0; // Pairs with BeginUse and EndUse.

    /// <summary>Begins a use. The mirror's tree lock is held, or the window has a range that stays.</summary>
    internal void BeginUse() => Interlocked.Increment(ref _users);

    /// <summary>Ends a use.</summary>
    /// <returns>Whether it was the last one.</returns>
    internal bool EndUse() => Interlocked.Decrement(ref _users) == 0;

    /// <summary>Whether the subscription has ended, so that it is not ended twice (INV-28). Guarded by the mirror's tree lock.</summary>
    internal bool IsRemoved { get; set; }

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
            if (mmuEvent.Kind is MmuEventKind.Unmap or MmuEventKind.Release)
                Volatile.Write(ref _unmaps, _unmaps + 1); // Pairs with Unmaps.
            _client.InvalidateStart(this, mmuEvent with { Interval = mmuEvent.Interval.Intersect(Interval) });
        }

        return true;
    }

    /// <inheritdoc/>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent) =>
        _client.InvalidateFinish(this, mmuEvent with { Interval = mmuEvent.Interval.Intersect(Interval) });
}
