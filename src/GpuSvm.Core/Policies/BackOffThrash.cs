// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Pages that the CPU pulled back, or that were evicted, a moment ago are mapped where they are, so that both sides make progress. The moment doubles with each return
/// in a row, up to 128 times. Of evictions two are forgiven, and then it doubles with each fourth.
/// </summary>
/// <remarks>Without this a page can travel forever between a CPU thread and a kernel that both want it, each arrival stolen before it is used; and a kernel
/// that needs three blocks at once would never have them in a memory of two. Evictions are treated more mildly than calls home. What leaves is a guess that may be wrong once or twice, and
/// what goes round in a loop comes back again and again, though not soon; to read all of it in RAM because of either costs more than the moves.</remarks>
/// <param name="quietMicroseconds">How long after one return a touch leaves pages in RAM.</param>
public sealed class BackOffThrash(int quietMicroseconds = 200) : IThrashPolicy
{
    private const int MaxDoublings = 7;
    private const int EvictionsForgiven = 2;
    private const int EvictionsPerDoubling = 4; // In the end what does not fit at once is read in RAM: it would never be there together.

    private readonly TimeSpan _quiet = TimeSpan.FromMicroseconds(quietMicroseconds);

    /// <inheritdoc/>
    public TimeSpan Window => TimeSpan.FromMilliseconds(50); // As long as returns are one quarrel.

    /// <inheritdoc/>
    public ThrashAnswer Answer(in ThrashFacts facts)
    {
        if (facts.WasEvicted && facts.ReturnCount <= EvictionsForgiven)
            return ThrashAnswer.Move;
        int doublings = facts.WasEvicted ? 1 + ((facts.ReturnCount - EvictionsForgiven - 1) / EvictionsPerDoubling) : facts.ReturnCount - 1;
        return facts.SinceReturn > _quiet * (1 << Math.Clamp(doublings, 0, MaxDoublings)) ? ThrashAnswer.Move : ThrashAnswer.MapRemotely;
    }
}
