// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Pages that the CPU pulled back, or that were evicted, a moment ago are mapped where they are, so that both sides make progress. The moment doubles with each return
/// in a row, up to 128 times.
/// </summary>
/// <remarks>Without this a page can travel forever between a CPU thread and a kernel that both want it, each arrival stolen before it is used; and a kernel
/// that needs three blocks at once would never have them in a memory of two .</remarks>
/// <param name="quietMicroseconds">How long after one return a touch leaves pages in RAM.</param>
public sealed class BackOffThrash(int quietMicroseconds = 200) : IThrashPolicy
{
    private const int MaxDoublings = 7;

    private readonly TimeSpan _quiet = TimeSpan.FromMicroseconds(quietMicroseconds);

    /// <inheritdoc/>
    public TimeSpan Window => TimeSpan.FromMilliseconds(50); // As long as returns are one quarrel.

    /// <inheritdoc/>
    public ThrashAnswer Answer(in ThrashFacts facts) =>
        facts.SinceReturn > _quiet * (1 << Math.Clamp(facts.ReturnCount - 1, 0, MaxDoublings)) ? ThrashAnswer.Move : ThrashAnswer.MapRemotely;
}
