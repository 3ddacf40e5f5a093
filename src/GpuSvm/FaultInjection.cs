// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// Lets operations of the library fail on purpose, in all shared memories of the process: how a program finds out what it does when memory runs short or a copy fails.
/// </summary>
/// <remarks>Nothing is lost by an injected failure: the call, or the launch, says which status it came to, or the library takes another way. While nothing is asked for it
/// costs one branch an operation.</remarks>
public static class FaultInjection
{
    /// <summary>The points, with what has happened at each.</summary>
    public static IReadOnlyList<InjectionPointState> Points => NativeQueries.Injections();

    /// <summary>Lets one coming hit of a point fail, beside those asked for before; begins to count hits.</summary>
    /// <param name="point">The point's name, in capitals or not.</param>
    /// <param name="hit">Which hit from now; 1 is the next.</param>
    /// <exception cref="ArgumentException">There is no such point (the message lists them), or 16 failures wait there already.</exception>
    public static void Arm(string point, long hit = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(point);
        ArgumentOutOfRangeException.ThrowIfLessThan(hit, 1);
        NativeErrors.Check(NativeMethods.gpusvm_inject(point, (ulong)hit));
    }

    /// <summary>Lets nothing fail any more and forgets the hits.</summary>
    /// <param name="counting">Whether hits are counted from now on.</param>
    public static void Reset(bool counting = false) => NativeErrors.Check(NativeMethods.gpusvm_inject_reset(counting ? 1u : 0u));
}
