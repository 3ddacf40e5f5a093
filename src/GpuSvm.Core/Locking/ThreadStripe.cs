// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// Spreads what many threads change at once over several cache lines: each thread has one of a few stripes, so that two threads seldom write the same line. Whoever wants the whole adds
/// the stripes up. A line that two processors write in turns costs a tenth of a microsecond each time, as much as the rest of a lookup.
/// </summary>
internal static class ThreadStripe
{
    /// <summary>How many stripes there are; a power of two.</summary>
    public const int Count = 8;

    /// <summary>Bytes that no two stripes may share: two lines, since processors fetch them in pairs.</summary>
    public const int LineBytes = 128;

    [ThreadStatic]
    private static int _given; // Its stripe and 1 where it was given one.

    /// <summary>The calling thread's stripe, 0 to <see cref="Count"/> - 1. The same for all its life.</summary>
    public static int Current => CoreSwitches.Checks && _given > 0 ? _given - 1 : Environment.CurrentManagedThreadId & (Count - 1);

    /// <summary>Gives the calling thread a stripe, so that schedules repeat whatever the threads' numbers in the process are.</summary>
    /// <param name="stripe">Any number; null for the thread's own again. Nothing may be held.</param>
    internal static void Give(int? stripe) => _given = stripe is { } given ? (given & (Count - 1)) + 1 : 0;
}
