// SPDX-License-Identifier: MIT
using System.Numerics;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// The STREAM triad, <c>a = b + s * c</c>, over three arrays of doubles whose roles turn from round to round, so that every round reads what the one
/// before wrote. Purely streaming: with a small device every page comes and goes once per round.
/// </summary>
internal sealed class TriadWorkload : IWorkload
{
    /// <summary>Rounds; a multiple of three, so that each array has each role equally often.</summary>
    private const int Rounds = 6;

    /// <summary>The factor s; below 1, so that values stay small.</summary>
    internal const double Factor = 0.25;

    /// <summary>Elements in a tile: 16 KiB.</summary>
    private const int TileElements = 2048;

    /// <summary>Tiles in a group.</summary>
    private const int GroupTiles = 16;

    /// <summary>Elements of each array.</summary>
    private long _length;

    /// <summary>Seed of the first contents.</summary>
    private SplitMix _random;

    /// <summary>The three arrays.</summary>
    private readonly SharedArray<double>[] _arrays = new SharedArray<double>[3];

    /// <summary>The round, which says who is a, b and c; set between launches.</summary>
    private int _round;

    /// <inheritdoc/>
    public string Input => $"3 arrays of {_length:N0} doubles, {Rounds} rounds";

    /// <inheritdoc/>
    public long DataBytes => 3 * _length * sizeof(double);

    /// <inheritdoc/>
    public long TrafficBytes => Rounds * DataBytes;

    /// <inheritdoc/>
    public string TrafficDefinition => "24 bytes per element and round (two read, one written)";

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => settings.ArrayBytes("triad", 48L << 20);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        _length = EstimateBytes(settings) / (3 * sizeof(double));
        _random = new SplitMix(settings.Seed);
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        for (var which = 0; which < 3; which++)
        {
            var array = _arrays[which] = memory.Allocate<double>((nint)_length);
            var number = which;
            CpuThreads.ForEachPiece(_length, settings.Threads, (start, length) =>
            {
                var piece = array.Slice((nint)start, length);
                for (var index = 0; index < length; index++)
                    piece[index] = Initial(number, start + index);
            });
        }
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        var groups = (nint)((_length + (GroupTiles * TileElements) - 1) / (GroupTiles * TileElements));
        for (_round = 0; _round < Rounds; _round++)
        {
            progress.Step(_round + 1, Rounds, "round");
            using var launch = memory.Launch(Kernel, groups, [.. _arrays.Select(array => array.Use())]);
            launch.Wait();
        }
    }

    /// <summary>The kernel: one stretch of tiles.</summary>
    private void Kernel(KernelContext context)
    {
        var (a, b, c) = (_arrays[_round % 3], _arrays[(_round + 1) % 3], _arrays[(_round + 2) % 3]);
        var start = context.GroupIndex * GroupTiles * TileElements;
        var end = (nint)Math.Min(_length, start + (GroupTiles * TileElements));
        for (; start < end; start += TileElements)
        {
            var count = (int)Math.Min(TileElements, end - start);
            var left = UnitBuffer<double>.Get(0, count);
            var right = UnitBuffer<double>.Get(1, count);
            context.Read(b, start, left);
            context.Read(c, start, right);
            Combine(left, right);
            context.Write<double>(a, start, left);
        }
    }

    /// <summary>Adds the factor times the right values to the left ones, in vectors; multiplication and addition are rounded separately.</summary>
    /// <param name="left">Read and written.</param>
    /// <param name="right">As long as the left.</param>
    internal static void Combine(Span<double> left, ReadOnlySpan<double> right)
    {
        var lefts = MemoryMarshal.Cast<double, Vector<double>>(left);
        var rights = MemoryMarshal.Cast<double, Vector<double>>(right)[..lefts.Length];
        for (var index = 0; index < lefts.Length; index++)
            lefts[index] += Factor * rights[index];
        for (var index = lefts.Length * Vector<double>.Count; index < left.Length; index++)
            left[index] += Factor * right[index];
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        for (long index = 0; index < _length; index++)
        {
            Span<double> expected = [Initial(0, index), Initial(1, index), Initial(2, index)];
            for (var round = 0; round < Rounds; round++)
                expected[round % 3] = expected[(round + 1) % 3] + (Factor * expected[(round + 2) % 3]);
            for (var which = 0; which < 3; which++)
            {
                var found = _arrays[which][(nint)index];
                if (BitConverter.DoubleToInt64Bits(found) != BitConverter.DoubleToInt64Bits(expected[which]))
                    return new Verification(false, $"array {which}, element {index}: {found:R}, a plain CPU run gives {expected[which]:R}");
            }
        }

        return new Verification(true, $"all {3 * _length:N0} elements equal a plain CPU run in every bit ({ByteSize.Format(DataBytes)})");
    }

    /// <summary>What an element is at first: a fraction in 0 .. 1.</summary>
    private double Initial(int array, long index) => (_random.At(((ulong)index * 3) + (ulong)array) >> 11) * (1.0 / (1UL << 53));
}
