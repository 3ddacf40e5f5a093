// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>
/// A subscription to the changes of one interval, with the sequence number by which a reader finds out that it has been overtaken.
/// Kernel: struct mmu_interval_notifier.
/// </summary>
/// <remarks>
/// The protocol: sequence = ReadBegin; do the slow work without locks; take the client's lock; if ReadRetry says that the sequence changed, start over;
/// publish. The client's Invalidate stores the new sequence under the same lock's write side before it tears down.
/// </remarks>
public sealed class MmuIntervalNotifier : IntervalNode<MmuIntervalNotifier>
{
    private bool _hasEnded; // Volatile.
    private long _sequence; // Written by SetSequence under the client's lock; read under that lock or by ReadBegin.

    /// <summary>Creates a notifier that is not subscribed yet.</summary>
    /// <param name="interval">What it watches; not empty.</param>
    /// <param name="client">Who hears of it.</param>
    public MmuIntervalNotifier(AddressRange interval, IMmuIntervalClient client)
    {
        Interval = interval;
        Client = client;
    }

    /// <summary>Who hears of it.</summary>
    public IMmuIntervalClient Client { get; }

    /// <summary>Whether it is subscribed, or will be at the end of the running event. Guarded by the registry's lock.</summary>
    internal bool IsSubscribed { get; set; }

    /// <summary>Whether the end of its subscription has returned: nothing may be called any more. For checks; volatile.</summary>
    internal bool HasEnded
    {
        get => Volatile.Read(ref _hasEnded); // Pairs with the write at the end of Remove.
        set => Volatile.Write(ref _hasEnded, value); // As above.
    }

    /// <summary>The odd sequence of the last event that hit this notifier (INV-27).</summary>
    public long Sequence => Volatile.Read(ref _sequence); // Pairs with SetSequence.

    /// <summary>Whether an event has hit since a sequence was read. The client's lock must be held.</summary>
    /// <param name="sequence">What ReadBegin gave.</param>
    /// <returns>True: what was found out since may be stale, start over.</returns>
    public bool ReadRetry(long sequence) => Sequence != sequence;

    /// <summary>Stores the sequence of a running event. Called by the client under its lock's write side.</summary>
    /// <param name="sequence">What Invalidate was given; odd.</param>
    public void SetSequence(long sequence)
    {
        if ((sequence & 1) == 0)
            throw new InvalidOperationException($"A notifier's sequence must be odd, {sequence} is not.");
        Volatile.Write(ref _sequence, sequence); // Pairs with Sequence.
    }
}
