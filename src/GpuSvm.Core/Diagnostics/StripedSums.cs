// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Diagnostics;

/// <summary>Sums that many threads add to and few read: each thread adds on a stripe of its own.</summary>
/// <remarks>Locking: none; one interlocked operation an addition, on a line that other threads seldom write. Read without locks: each sum by itself.</remarks>
/// <param name="count">How many sums.</param>
public sealed class StripedSums(int count)
{
    private const int PerLine = ThreadStripe.LineBytes / sizeof(long);

    private readonly int _stride = StrideOf(count);
    private readonly long[] _values = new long[ThreadStripe.Count * StrideOf(count)]; // Interlocked.

    /// <summary>Adds to a sum.</summary>
    /// <param name="sum">Which.</param>
    /// <param name="value">What to add.</param>
    public void Add(int sum, long value) => Interlocked.Add(ref _values[(ThreadStripe.Current * _stride) + sum], value);

    /// <summary>A sum at about this moment.</summary>
    /// <param name="sum">Which.</param>
    /// <returns>The value.</returns>
    public long Read(int sum)
    {
        long value = 0;
        for (int stripe = 0; stripe < ThreadStripe.Count; stripe++)
            value += Interlocked.Read(ref _values[(stripe * _stride) + sum]);
        return value;
    }

    /// <summary>Values from one stripe to the next: whole lines, one of them empty.</summary>
    /// <param name="count">How many sums.</param>
    /// <returns>The number of values.</returns>
    private static int StrideOf(int count) => (count + (2 * PerLine) - 1) / PerLine * PerLine;
}
