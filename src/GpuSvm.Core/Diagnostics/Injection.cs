// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Diagnostics;

/// <summary>Decides which operations fail on purpose, in this process. Core asks just before each operation, or just after it where the answer is what must fail.</summary>
/// <remarks>
/// Always there, in tests and in the product: at rest it costs one branch on a static field an operation, and nothing is counted. It wakes with the first
/// <see cref="Arm"/> or <see cref="Count"/>, or with <see cref="CoreSwitches.Checks"/>, and goes to rest with <see cref="Reset"/>.
/// Locking: none; what counts is in <see cref="InjectionLedger"/>, so that this class has no constructor whose run would have to be asked for at each operation.
/// </remarks>
public static class Injection
{
    private static bool _isAwake; // Volatile; written by Arm, Count and Reset.

    /// <summary>How many failures can wait at one point.</summary>
    public const int MostWaiting = 16;

    /// <summary>Lets one coming hit of a point fail, beside those that wait already.</summary>
    /// <param name="point">The point.</param>
    /// <param name="nthHit">Which hit from now, 1 is the next.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such point, or the hit is below 1.</exception>
    /// <exception cref="ArgumentException"><see cref="MostWaiting"/> failures wait there already.</exception>
    public static void Arm(InjectionPoint point, long nthHit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nthHit, 1);
        if (!Enum.IsDefined(point))
            throw new ArgumentOutOfRangeException(nameof(point), point, "There is no such injection point.");
        if (!InjectionLedger.TryAdd((int)point, nthHit))
            throw new ArgumentException($"{MostWaiting} failures wait at {point} already; more cannot.", nameof(point));
        Volatile.Write(ref _isAwake, true); // Pairs with ShouldFail.
    }

    /// <summary>Begins to count hits, with nothing armed by it.</summary>
    public static void Count() => Volatile.Write(ref _isAwake, true); // Pairs with ShouldFail.

    /// <summary>Disarms every point, forgets the hits and goes to rest. At a quiet moment: operations under way may still count.</summary>
    public static void Reset()
    {
        Volatile.Write(ref _isAwake, false); // Pairs with ShouldFail.
        InjectionLedger.Clear();
    }

    /// <summary>How often a point was reached since it was last asleep and reset.</summary>
    /// <param name="point">The point.</param>
    /// <returns>The number of hits.</returns>
    public static long Hits(InjectionPoint point) => InjectionLedger.Hits((int)point);

    /// <summary>How many armed failures of a point have not come yet.</summary>
    /// <param name="point">The point.</param>
    /// <returns>0 to <see cref="MostWaiting"/>.</returns>
    public static int Waiting(InjectionPoint point) => InjectionLedger.Waiting((int)point);

    /// <summary>Whether this hit of the point must fail.</summary>
    /// <param name="point">The point reached.</param>
    /// <returns>True exactly once for each <see cref="Arm"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ShouldFail(InjectionPoint point) =>
        (CoreSwitches.Checks || Volatile.Read(ref _isAwake)) && InjectionLedger.Reach((int)point); // Pairs with Arm, Count and Reset.
}
