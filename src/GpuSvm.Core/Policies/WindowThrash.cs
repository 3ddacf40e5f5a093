// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Detects by window and count, holds the GPU's touches back, and pins what goes on all the same in RAM for a time. The steps are those of NVIDIA's UVM; what was evicted is pinned at
/// once, because nobody gets work done while the GPU waits for what itself has pushed out.
/// </summary>
/// <param name="threshold">Moves within the window of each other that are thrashing.</param>
/// <param name="pinThreshold">Throttles in one quarrel after which the pages are pinned.</param>
/// <param name="window">The window; null for 5 ms.</param>
/// <param name="nap">How long a touch is held back; null for 250 us.</param>
/// <param name="pin">How long pages stay in RAM; null for 150 ms.</param>
public sealed class WindowThrash(int threshold = 3, int pinThreshold = 3, TimeSpan? window = null, TimeSpan? nap = null, TimeSpan? pin = null) : IThrashPolicy
{
    private readonly TimeSpan _nap = nap ?? TimeSpan.FromMicroseconds(250);
    private readonly TimeSpan _pin = pin ?? TimeSpan.FromMilliseconds(150);

    /// <inheritdoc/>
    public TimeSpan Window { get; } = window ?? TimeSpan.FromMilliseconds(5);

    /// <inheritdoc/>
    public ThrashAnswer Answer(in ThrashFacts facts)
    {
        if (facts.Moves < threshold)
            return ThrashAnswer.Move;
        return facts.WasEvicted || facts.Throttled >= pinThreshold ? ThrashAnswer.Pin(_pin) : ThrashAnswer.Throttle(_nap);
    }
}
