// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>A range with what the GPU side keeps beside it: one pages object for each device that has touched it. Kernel: struct xe_svm_range.</summary>
/// <remarks>The pages of the VM's first device are inline, those of others in an array that exists only where another device has touched the range.</remarks>
public sealed class GpuRange : SvmRange
{
    private GpuPages? _first; // Set once, under Notifier (write).
    private GpuPages?[]? _others; // By device index - 1; replaced by a longer one under Notifier (write).
    private int _returnCount; // Written under Notifier (write); peeked without, as advice.
    private long _lastReturn; // As _returnCount; 0 is never.
    private long _brought; // When access counters brought pages that have not left since; 0 for never. Guarded by Notifier (write).
    private int _undone; // As _returnCount.

    /// <summary>Creates a range.</summary>
    /// <param name="notifier">Its window.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="isMigratable">Whether its pages may move.</param>
    internal GpuRange(SvmNotifier notifier, AddressRange interval, bool isMigratable)
        : base(notifier, interval, isMigratable)
    {
    }

    /// <summary>What the CPU has unmapped of it, as one interval around all its parts; empty for nothing. Guarded by Notifier.</summary>
    public AddressRange Lost { get; internal set; }

    /// <summary>Whether it waits to be collected. Guarded by the collector's queue lock.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>The next range to collect. Guarded by the collector's queue lock.</summary>
    internal GpuRange? NextQueued { get; set; }

    /// <summary>The pages of a device.</summary>
    /// <param name="device">The device's number in the VM.</param>
    /// <returns>The object, or null if the device has not touched the range.</returns>
    /// <remarks>Locking: Notifier held, or the range's fault lock.</remarks>
    public GpuPages? PagesOf(int device)
    {
        if (device == 0)
            return _first;
        GpuPages?[]? others = Volatile.Read(ref _others); // Pairs with AddPagesLocked.
        return others is not null && device <= others.Length ? others[device - 1] : null;
    }

    /// <summary>Takes in a device's pages.</summary>
    /// <param name="device">The device's number in the VM.</param>
    /// <param name="pages">Its pages, complete: an event may find them at once.</param>
    /// <param name="room">An array for them and those before, if the device is not the first; made outside the lock.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    internal void AddPagesLocked(int device, GpuPages pages, GpuPages?[]? room)
    {
        Notifier.Lock.AssertHeldWrite();
        if (device == 0)
        {
            _first = pages;
            return;
        }

        if (_others is null || _others.Length < device)
        {
            _others?.CopyTo(room!, 0);
            Volatile.Write(ref _others, room); // Pairs with PagesOf.
        }

        _others![device - 1] = pages;
    }

    /// <summary>What a placement policy may know; advisory, not consistent with anything.</summary>
    /// <param name="now">The host's timestamp.</param>
    /// <returns>The facts.</returns>
    public PlacementFacts Facts(long now)
    {
        long last = Volatile.Read(ref _lastReturn); // Pairs with NoteReturnLocked.
        return new PlacementFacts(Interval.Bytes, IsMigratable, Volatile.Read(ref _returnCount), last == 0 ? long.MaxValue : now - last);
    }

    /// <summary>How often in a row pages that access counters had brought left soon; advisory.</summary>
    internal int Undone => Volatile.Read(ref _undone); // Pairs with NoteReturnLocked.

    /// <summary>Notes that access counters have brought pages.</summary>
    /// <param name="now">The host's timestamp.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    internal void NoteBroughtLocked(long now) => _brought = now;

    /// <summary>Notes that pages have left the device against the GPU's will.</summary>
    /// <param name="now">The host's timestamp.</param>
    /// <param name="streakTicks">Returns within so many ticks of each other are one quarrel; what access counters brought has come for nothing if it leaves within twice as many.</param>
    /// <remarks>Locking: Notifier held for write.</remarks>
    internal void NoteReturnLocked(long now, long streakTicks)
    {
        if (_brought != 0)
            Volatile.Write(ref _undone, now - _brought < 2 * streakTicks ? _undone + 1 : 0); // Pairs with Undone.
        _brought = 0;
        Volatile.Write(ref _returnCount, now - _lastReturn < streakTicks ? _returnCount + 1 : 1); // Pairs with Facts.
        Volatile.Write(ref _lastReturn, now);
    }

    /// <summary>Takes over what is known of a range that this one was a part of.</summary>
    /// <param name="whole">The range before.</param>
    internal void InheritFacts(GpuRange whole)
    {
        _returnCount = whole._returnCount;
        _lastReturn = whole._lastReturn;
        _brought = whole._brought;
        _undone = whole._undone;
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        for (int device = 0; device <= (_others?.Length ?? 0); device++)
        {
            if (PagesOf(device) is { } pages && (pages.IsBound || pages.HasDmaMapping))
                throw new InvalidOperationException($"Range {Interval} was freed while device {device} still maps it (INV-20).");
        }
    }
}
