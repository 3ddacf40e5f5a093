// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// Merge sort of random 64-bit keys. One kernel sorts tiles in the units' private buffers; then runs are merged two by two from one array into the
/// other
/// until one run is left. Every group of a merge writes exactly one tile of the result: it finds by bisection where its part of both runs begins and
/// ends, so all groups have the same work however the keys lie.
/// </summary>
internal sealed class SortWorkload : IWorkload
{
    /// <summary>Keys in a tile: 64 KiB.</summary>
    private const int TileKeys = 8192;

    /// <summary>The number of keys.</summary>
    private long _length;

    /// <summary>Seed of the keys.</summary>
    private SplitMix _random;

    /// <summary>The array that a pass reads; the result is in it at the end.</summary>
    private SharedArray<long> _from = null!;

    /// <summary>The array that a pass writes.</summary>
    private SharedArray<long> _to = null!;

    /// <summary>Keys in each sorted run before this pass; set between launches.</summary>
    private long _run;

    /// <inheritdoc/>
    public string Input => $"{_length:N0} keys of 8 bytes, two arrays";

    /// <inheritdoc/>
    public long DataBytes => 2 * _length * sizeof(long);

    /// <inheritdoc/>
    public long TrafficBytes { get; private set; }

    /// <inheritdoc/>
    public string TrafficDefinition => "16 bytes per key and pass (read, written)";

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => settings.ArrayBytes("sort", 32L << 20);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        _length = EstimateBytes(settings) / (2 * sizeof(long));
        if (_length > Array.MaxLength)
            throw new InputException($"--size {settings.SizeBytes}: too large for sort; use at most {(long)Array.MaxLength * 2 * sizeof(long)} bytes");
        _random = new SplitMix(settings.Seed);
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        _from = memory.Allocate<long>((nint)_length);
        _to = memory.Allocate<long>((nint)_length);
        CpuThreads.ForEachPiece(_length, settings.Threads, (start, length) =>
        {
            var keys = _from.Slice((nint)start, length);
            for (var index = 0; index < length; index++)
                keys[index] = Key(start + index);
        });
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        var tiles = (nint)((_length + TileKeys - 1) / TileKeys);
        var passes = 1;
        progress.Step(passes, 0, "pass");
        using (var launch = memory.Launch(SortTile, tiles, [_from.Use()]))
            launch.Wait();
        for (_run = TileKeys; _run < _length; _run *= 2)
        {
            progress.Step(++passes, 0, "pass");
            using (var launch = memory.Launch(MergeTile, tiles, [_from.Use(KernelAccess.Read), _to.Use()]))
                launch.Wait();
            (_from, _to) = (_to, _from);
        }

        TrafficBytes = passes * 16 * _length;
    }

    /// <summary>First kernel: sorts one tile where it is.</summary>
    private void SortTile(KernelContext context)
    {
        var start = context.GroupIndex * TileKeys;
        var keys = UnitBuffer<long>.Get(0, (int)Math.Min(TileKeys, _length - start));
        context.Read(_from, start, keys);
        keys.Sort();
        context.Write<long>(_from, start, keys);
    }

    /// <summary>Second kernel: one tile of the merge of two neighbouring runs.</summary>
    private void MergeTile(KernelContext context)
    {
        var start = (long)context.GroupIndex * TileKeys;
        var count = (int)Math.Min(TileKeys, _length - start);
        var left = start - (start % (2 * _run));
        var right = Math.Min(left + _run, _length);
        var end = Math.Min(right + _run, _length);
        var leftBegin = LeftShare(context, left, right, end, start - left);
        var leftEnd = LeftShare(context, left, right, end, start - left + count);
        var rightBegin = start - left - leftBegin;
        var rightEnd = start - left + count - leftEnd;
        var lefts = UnitBuffer<long>.Get(0, (int)(leftEnd - leftBegin));
        var rights = UnitBuffer<long>.Get(1, (int)(rightEnd - rightBegin));
        var merged = UnitBuffer<long>.Get(2, count);
        context.Read(_from, (nint)(left + leftBegin), lefts);
        context.Read(_from, (nint)(right + rightBegin), rights);
        Merge(lefts, rights, merged);
        context.Write<long>(_to, (nint)start, merged);
    }

    /// <summary>How many of the first <paramref name="taken"/> keys of a merge come from the left run, by bisection over loads.</summary>
    private long LeftShare(KernelContext context, long left, long right, long end, long taken)
    {
        var low = Math.Max(0, taken - (end - right));
        var high = Math.Min(taken, right - left);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (context.Load(_from, (nint)(left + middle)) <= context.Load(_from, (nint)(right + taken - middle - 1)))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Merges two sorted pieces; of equal keys the left comes first.</summary>
    /// <param name="left">Sorted.</param>
    /// <param name="right">Sorted.</param>
    /// <param name="merged">As long as both together.</param>
    internal static void Merge(ReadOnlySpan<long> left, ReadOnlySpan<long> right, Span<long> merged)
    {
        var (l, r) = (0, 0);
        for (var index = 0; index < merged.Length; index++)
            merged[index] = r == right.Length || (l < left.Length && left[l] <= right[r]) ? left[l++] : right[r++];
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        var expected = new long[_length];
        for (var index = 0; index < expected.Length; index++)
            expected[index] = Key(index);
        Array.Sort(expected);
        for (var index = 0; index < expected.Length; index++)
        {
            if (_from[index] != expected[index])
                return new Verification(false, $"place {index}: key {_from[index]}, Array.Sort gives {expected[index]}");
        }

        return new Verification(true, $"all {_length:N0} keys stand where Array.Sort puts them on a private array");
    }

    /// <summary>A key before sorting.</summary>
    private long Key(long index) => (long)_random.At((ulong)index);
}
