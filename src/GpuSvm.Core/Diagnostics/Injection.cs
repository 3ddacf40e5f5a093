// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Diagnostics;

/// <summary>Decides which operations fail on purpose. Asked by Core just before each operation; folds away with <see cref="CoreSwitches.Checks"/>.</summary>
public static class Injection
{
    private static readonly int _pointCount = Enum.GetValues<InjectionPoint>().Length;
    private static readonly int[] _countdown = new int[_pointCount];
    private static readonly long[] _hits = new long[_pointCount];

    /// <summary>Lets one coming hit of a point fail.</summary>
    /// <param name="point">The point.</param>
    /// <param name="nthHit">Which hit from now, 1 is the next; 0 disarms.</param>
    public static void Arm(InjectionPoint point, int nthHit) => Volatile.Write(ref _countdown[(int)point], nthHit); // Pairs with ShouldFail.

    /// <summary>Disarms every point and forgets the hits.</summary>
    public static void Reset()
    {
        Array.Clear(_countdown);
        Array.Clear(_hits);
    }

    /// <summary>How often a point was reached since the last <see cref="Reset"/>.</summary>
    /// <param name="point">The point.</param>
    /// <returns>The number of hits.</returns>
    public static long Hits(InjectionPoint point) => Interlocked.Read(ref _hits[(int)point]);

    /// <summary>Whether this hit of the point must fail.</summary>
    /// <param name="point">The point reached.</param>
    /// <returns>True exactly once for each <see cref="Arm"/>.</returns>
    public static bool ShouldFail(InjectionPoint point)
    {
        if (!CoreSwitches.Checks)
            return false;
        Interlocked.Increment(ref _hits[(int)point]);
        ref int countdown = ref _countdown[(int)point];
        return Volatile.Read(ref countdown) > 0 && Interlocked.Decrement(ref countdown) == 0; // Pairs with Arm.
    }
}
