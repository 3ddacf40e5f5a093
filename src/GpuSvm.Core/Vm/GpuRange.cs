// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>A range with what the GPU side keeps beside it: its pages object and whether the page table shows it. Kernel: struct xe_svm_range.</summary>
public sealed class GpuRange : SvmRange
{
    private static readonly long _streakTicks = Stopwatch.Frequency / 20; // Returns within 50 ms of each other are one quarrel.

    private int _returnCount; // Written under Notifier (write); peeked without, as advice.
    private long _lastReturn; // As _returnCount; 0 is never.

    /// <summary>Creates a range.</summary>
    /// <param name="notifier">Its window.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="isMigratable">Whether its pages may move.</param>
    /// <param name="pages">Its mapping for the VM's device.</param>
    internal GpuRange(SvmNotifier notifier, AddressRange interval, bool isMigratable, SvmPages pages)
        : base(notifier, interval, isMigratable) => Pages = pages;

    /// <summary>The mapping for the VM's device.</summary>
    public SvmPages Pages { get; }

    /// <summary>Whether the page table shows the pages. Guarded by Notifier.</summary>
    public bool IsBound { get; internal set; }

    /// <summary>The TLB invalidation that must have passed before the pages of the last zap may be unmapped. Guarded by Notifier.</summary>
    internal ulong Invalidation { get; set; }

    /// <summary>Whether it waits to be collected. Guarded by the collector's queue lock.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>The next range to collect. Guarded by the collector's queue lock.</summary>
    internal GpuRange? NextQueued { get; set; }

    /// <summary>What a placement policy may know; advisory, not consistent with anything.</summary>
    /// <returns>The facts.</returns>
    public PlacementFacts Facts()
    {
        long last = Volatile.Read(ref _lastReturn); // Pairs with NoteReturnLocked.
        return new PlacementFacts(Interval.Bytes, IsMigratable, Volatile.Read(ref _returnCount), last == 0 ? long.MaxValue : Stopwatch.GetTimestamp() - last);
    }

    /// <summary>Notes that pages have left the device against the GPU's will.</summary>
    /// <remarks>Locking: Notifier held for write.</remarks>
    internal void NoteReturnLocked()
    {
        long now = Stopwatch.GetTimestamp();
        Volatile.Write(ref _returnCount, now - _lastReturn < _streakTicks ? _returnCount + 1 : 1); // Pairs with Facts.
        Volatile.Write(ref _lastReturn, now);
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        if (IsBound || Pages.HasDmaMapping)
            throw new InvalidOperationException($"Range {Interval} was freed while the device still maps it (INV-20).");
    }
}
