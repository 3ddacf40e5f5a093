// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>
/// A set of addresses kept as sorted, disjoint, never touching half-open intervals. Lookup is a binary search; insertion moves array elements. Not
/// thread-safe: its owner's lock guards it.
/// </summary>
internal sealed class IntervalSet
{
    private ulong[] _starts = new ulong[16];
    private ulong[] _ends = new ulong[16];

    /// <summary>How many intervals there are.</summary>
    internal int Count { get; private set; }

    /// <summary>The first byte of an interval.</summary>
    /// <param name="index">Its place in the order.</param>
    /// <returns>The address.</returns>
    internal ulong StartAt(int index) => _starts[index];

    /// <summary>The first byte after an interval.</summary>
    /// <param name="index">Its place in the order.</param>
    /// <returns>The address.</returns>
    internal ulong EndAt(int index) => _ends[index];

    /// <summary>The place of the first interval that ends above an address; <see cref="Count"/> if none does.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>The place.</returns>
    internal int FirstEndingAbove(ulong address)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ends[middle] > address)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }

    /// <summary>Whether every address of an interval is in the set.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after; above <paramref name="start"/>.</param>
    /// <returns>True if one interval covers it.</returns>
    internal bool Contains(ulong start, ulong end)
    {
        int index = FirstEndingAbove(start);
        return index < Count && _starts[index] <= start && _ends[index] >= end;
    }

    /// <summary>Puts an interval in, joined with what it meets or touches.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    internal void Add(ulong start, ulong end)
    {
        if (end <= start)
            return;
        int first = FirstEndingAbove(start);
        if (first > 0 && _ends[first - 1] == start)
            first--;
        int after = first;
        while (after < Count && _starts[after] <= end)
        {
            start = Math.Min(start, _starts[after]);
            end = Math.Max(end, _ends[after]);
            after++;
        }

        Replace(first, after - first, 1);
        _starts[first] = start;
        _ends[first] = end;
    }

    /// <summary>Takes an interval's addresses out, as far as they are in.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    internal void Subtract(ulong start, ulong end)
    {
        if (end <= start)
            return;
        int first = FirstEndingAbove(start);
        int after = first;
        while (after < Count && _starts[after] < end)
            after++;
        if (after == first)
            return;
        ulong headStart = _starts[first];
        ulong tailEnd = _ends[after - 1];
        bool head = headStart < start;
        bool tail = tailEnd > end;
        Replace(first, after - first, (head ? 1 : 0) + (tail ? 1 : 0));
        if (head)
        {
            _starts[first] = headStart;
            _ends[first] = start;
            first++;
        }

        if (tail)
        {
            _starts[first] = end;
            _ends[first] = tailEnd;
        }
    }

    /// <summary>Makes room for some intervals in place of others.</summary>
    /// <param name="index">Where.</param>
    /// <param name="remove">How many go.</param>
    /// <param name="insert">How many places to leave for the caller to fill.</param>
    private void Replace(int index, int remove, int insert)
    {
        int count = Count - remove + insert;
        if (count > _starts.Length)
        {
            Array.Resize(ref _starts, count * 2);
            Array.Resize(ref _ends, count * 2);
        }

        int tail = Count - index - remove;
        Array.Copy(_starts, index + remove, _starts, index + insert, tail);
        Array.Copy(_ends, index + remove, _ends, index + insert, tail);
        Count = count;
    }
}
