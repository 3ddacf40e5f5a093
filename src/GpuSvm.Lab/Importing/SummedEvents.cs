// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Events of which a tool tells only their number and their sums: as many are given on as there were, with the sizes and durations that add up to what is told, one behind the other in time. Where they were is not
/// known, so all are at address 0.
/// </summary>
/// <param name="output">Gets them.</param>
internal sealed class SummedEvents(ImportOutput output)
{
    private const long Most = 10_000_000; // Of one kind; more are no summary of something that one would look at event by event.

    private long _time;

    /// <summary>Gives events on.</summary>
    /// <param name="pattern">What they have in common.</param>
    /// <param name="count">How many.</param>
    /// <param name="bytes">Their sizes' sum; where the least and the most are told it must lie between.</param>
    /// <param name="nanoseconds">Their durations' sum.</param>
    /// <param name="least">The smallest size; null where it is not told.</param>
    /// <param name="most">The largest.</param>
    public void Add(in SvmEvent pattern, long count, long bytes, long nanoseconds, long? least = null, long? most = null)
    {
        if (count is < 0 or > Most)
            throw new ImportLineException($"a number of events up to {Most}", $"{count}");
        if (count == 0)
            return;
        (long first, long last) = (least ?? bytes / count, most ?? (bytes / count) + (bytes % count == 0 ? 0 : 1));
        if (first < 0 || first > last || bytes / count < first || (bytes / count) + (bytes % count == 0 ? 0 : 1) > last || nanoseconds < 0)
            throw new ImportLineException($"{count} events with a least of {first} and a most of {last} bytes", $"{bytes} bytes in {nanoseconds} ns");
        (long leftBytes, long leftTime) = (bytes, nanoseconds);
        for (long left = count; left > 0; left--)
        {
            // The first is the smallest and the second the largest, where there are so many; the others share what is left.
            long size = left == 1 ? leftBytes : left == count ? first : left == count - 1 ? Math.Min(last, leftBytes - ((left - 1) * first)) : leftBytes / left;
            long duration = leftTime / left;
            _time += duration;
            output.Event(pattern with { Bytes = size, Duration = duration, Timestamp = output.TimeOf(0) + _time });
            (leftBytes, leftTime) = (leftBytes - size, leftTime - duration);
        }
    }
}
