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

    /// <summary>The calling thread's stripe, 0 to <see cref="Count"/> - 1. The same for all its life.</summary>
    public static int Current => Environment.CurrentManagedThreadId & (Count - 1);
}
