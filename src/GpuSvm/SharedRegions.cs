// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// All live shared arrays of the process as sorted intervals, so that a kernel's private buffers can be told from shared memory in a few nanoseconds:
/// nearly every buffer lies outside the smallest interval around all of them.
/// </summary>
/// <remarks>Locking: writers hold <see cref="_gate"/>; readers take one volatile reference to an immutable snapshot.</remarks>
internal static class SharedRegions
{
    private static readonly Lock _gate = new();
    private static Snapshot _snapshot = new([], []);

    /// <summary>Enters an array.</summary>
    /// <param name="start">Its first byte.</param>
    /// <param name="bytes">Its length, at least 1.</param>
    public static void Add(nint start, nint bytes)
    {
        lock (_gate)
        {
            int at = ~Array.BinarySearch(_snapshot.Starts, start);
            nint[] starts = [.. _snapshot.Starts.AsSpan(0, at), start, .. _snapshot.Starts.AsSpan(at)];
            nint[] ends = [.. _snapshot.Ends.AsSpan(0, at), start + bytes, .. _snapshot.Ends.AsSpan(at)];
            Volatile.Write(ref _snapshot, new Snapshot(starts, ends)); // pairs with the read in Overlaps
        }
    }

    /// <summary>Takes an array out; nothing happens if it is not there.</summary>
    /// <param name="start">Its first byte.</param>
    public static void Remove(nint start)
    {
        lock (_gate)
        {
            int at = Array.BinarySearch(_snapshot.Starts, start);
            if (at < 0)
                return;
            nint[] starts = [.. _snapshot.Starts.AsSpan(0, at), .. _snapshot.Starts.AsSpan(at + 1)];
            nint[] ends = [.. _snapshot.Ends.AsSpan(0, at), .. _snapshot.Ends.AsSpan(at + 1)];
            Volatile.Write(ref _snapshot, new Snapshot(starts, ends));
        }
    }

    /// <summary>Whether a buffer has a byte in any shared array.</summary>
    /// <param name="start">The buffer's first byte.</param>
    /// <param name="bytes">Its length.</param>
    /// <returns>True if it does.</returns>
    public static bool Overlaps(nint start, nint bytes)
    {
        Snapshot now = Volatile.Read(ref _snapshot);
        if (now.Starts.Length == 0 || start >= now.Ends[^1] || start + bytes <= now.Starts[0] || bytes == 0)
            return false;
        int at = Array.BinarySearch(now.Starts, start);
        if (at >= 0)
            return true;
        int next = ~at;
        return (next > 0 && now.Ends[next - 1] > start) || (next < now.Starts.Length && now.Starts[next] < start + bytes);
    }

    /// <summary>The intervals at one moment, sorted and disjoint, so that both arrays ascend.</summary>
    /// <param name="Starts">First bytes.</param>
    /// <param name="Ends">First bytes after.</param>
    private sealed record Snapshot(nint[] Starts, nint[] Ends);
}
