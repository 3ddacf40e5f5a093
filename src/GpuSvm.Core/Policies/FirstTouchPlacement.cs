// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Core.Policies;

/// <summary>
/// Moves a range to the device on its first touch, except while it is being fought over: pages that the CPU pulled back, or that were evicted, a moment ago
/// are mapped where they are, so that both sides make progress. The moment doubles with each return in a row, up to a limit.
/// </summary>
/// <remarks>Without this a page can travel forever between a CPU thread and a kernel that both want it, each arrival stolen before it is used; and a kernel
/// that needs three blocks at once would never have them in a memory of two .</remarks>
public sealed class FirstTouchPlacement : IPlacementPolicy
{
    private const int MaxDoublings = 7;

    private readonly long _baseTicks;

    /// <summary>Creates the policy.</summary>
    /// <param name="quietMicroseconds">How long after one return a range stays in RAM; doubled with each further one, up to 128 times.</param>
    public FirstTouchPlacement(int quietMicroseconds = 200) => _baseTicks = Stopwatch.Frequency / 1_000_000 * quietMicroseconds;

    /// <inheritdoc/>
    public bool ShouldMigrate(in PlacementFacts facts) =>
        facts.IsMigratable && (facts.ReturnCount == 0 || facts.TicksSinceReturn > _baseTicks << Math.Min(facts.ReturnCount - 1, MaxDoublings));
}
