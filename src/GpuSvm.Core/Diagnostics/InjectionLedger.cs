// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>The hits of every injection point, and the failures that wait for one.</summary>
/// <remarks>No lock: it is asked under locks of any rank. A failure that waits is the number of the hit that it wants; whoever takes it out of its slot fails.</remarks>
internal static class InjectionLedger
{
    private static readonly int _pointCount = Enum.GetValues<InjectionPoint>().Length;
    private static readonly long[] _hits = new long[_pointCount]; // Interlocked.
    private static readonly long[] _waiting = new long[_pointCount * Injection.MostWaiting]; // Interlocked; by point; 0 is a free slot.

    /// <summary>Notes a failure.</summary>
    /// <param name="point">The point's number.</param>
    /// <param name="nthHit">Which hit from now, at least 1.</param>
    /// <returns>False if no slot is free.</returns>
    public static bool TryAdd(int point, long nthHit)
    {
        long wanted = Hits(point) + nthHit;
        for (int slot = point * Injection.MostWaiting, end = slot + Injection.MostWaiting; slot < end; slot++)
        {
            if (Interlocked.CompareExchange(ref _waiting[slot], wanted, 0) == 0) // Pairs with Reach.
                return true;
        }

        return false;
    }

    /// <summary>Counts a hit.</summary>
    /// <param name="point">The point's number.</param>
    /// <returns>Whether it must fail. A failure whose hit has passed while it was noted comes with the next one.</returns>
    public static bool Reach(int point)
    {
        long hit = Interlocked.Increment(ref _hits[point]);
        for (int slot = point * Injection.MostWaiting, end = slot + Injection.MostWaiting; slot < end; slot++)
        {
            long wanted = Interlocked.Read(ref _waiting[slot]);
            if (wanted != 0 && wanted <= hit && Interlocked.CompareExchange(ref _waiting[slot], 0, wanted) == wanted) // Pairs with TryAdd.
                return true;
        }

        return false;
    }

    /// <summary>The hits of a point.</summary>
    /// <param name="point">The point's number.</param>
    /// <returns>How many since the last <see cref="Clear"/>.</returns>
    public static long Hits(int point) => Interlocked.Read(ref _hits[point]);

    /// <summary>The failures that wait at a point.</summary>
    /// <param name="point">The point's number.</param>
    /// <returns>How many.</returns>
    public static int Waiting(int point)
    {
        int count = 0;
        for (int slot = point * Injection.MostWaiting, end = slot + Injection.MostWaiting; slot < end; slot++)
            count += Interlocked.Read(ref _waiting[slot]) != 0 ? 1 : 0;
        return count;
    }

    /// <summary>Forgets everything.</summary>
    public static void Clear()
    {
        Array.Clear(_waiting);
        Array.Clear(_hits);
    }
}
