// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Exporting;

/// <summary>Lays spans side by side where they overlap: viewers draw what lies on one track as nested. Spans come in the order of their ends.</summary>
internal sealed class Lanes
{
    private const int Most = 64; // Of one kind; what overlaps more than that is drawn as moments.

    private readonly List<long> _ends = [];

    /// <summary>A lane that is free for a span.</summary>
    /// <param name="start">When it begins.</param>
    /// <param name="end">When it ends.</param>
    /// <returns>The lane, from 0; -1 if all are taken.</returns>
    public int Place(long start, long end)
    {
        int lane = _ends.FindIndex(last => last <= start);
        if (lane < 0 && _ends.Count == Most)
            return -1;
        if (lane < 0)
        {
            lane = _ends.Count;
            _ends.Add(end);
        }

        _ends[lane] = end;
        return lane;
    }
}
