// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance.Races;

/// <summary>Counts what a notifier is told.</summary>
public sealed class CountingClient : IMmuIntervalClient
{
    private int _started; // Interlocked.
    private int _finished; // Interlocked.

    /// <summary>How often an event has begun.</summary>
    public int Started => Volatile.Read(ref _started); // Pairs with InvalidateStart.

    /// <summary>How often an event was finished.</summary>
    public int Finished => Volatile.Read(ref _finished); // Pairs with InvalidateFinish.

    /// <inheritdoc/>
    public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
    {
        notifier.SetSequence(sequence);
        Interlocked.Increment(ref _started);
        return true;
    }

    /// <inheritdoc/>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent) => Interlocked.Increment(ref _finished);
}
