// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native.Monitoring;

/// <summary>What has happened to each 2 MiB of addresses within the last seconds, from the stream of events.</summary>
/// <remarks>Two windows of a few seconds each: the one that is filled, and the one before it. Both are told of, so that what is shown is never older than two windows and never emptier than one.
/// Locking: the monitor's gate.</remarks>
internal sealed class BlockActivity
{
    private const double WindowSeconds = 2;
    private const int MostBlocks = 1 << 16; // More in one window are left out, and counted.

    private readonly SvmEvent[] _batch = new SvmEvent[512];
    private Dictionary<ulong, BlockCounts> _now = [];
    private Dictionary<ulong, BlockCounts> _before = [];
    private long _nowSince = Stopwatch.GetTimestamp();
    private long _beforeSince = Stopwatch.GetTimestamp();

    /// <summary>How long a time is told of.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(_beforeSince).TotalSeconds;

    /// <summary>Events of blocks beyond the most that are followed.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Takes what a stream holds.</summary>
    /// <param name="stream">The stream.</param>
    public void Take(SvmEventStream stream)
    {
        if (Stopwatch.GetElapsedTime(_nowSince).TotalSeconds >= WindowSeconds)
        {
            (_now, _before) = (_before, _now);
            _now.Clear();
            (_beforeSince, _nowSince) = (_nowSince, Stopwatch.GetTimestamp());
        }

        int count;
        int rounds = 0;
        do
        {
            count = stream.Read(_batch);
            for (int i = 0; i < count; i++)
                Note(_batch[i]);
        }
        while (count == _batch.Length && ++rounds * count < stream.Capacity); // Not for ever, however fast they come.
    }

    /// <summary>The blocks in which most has happened.</summary>
    /// <param name="most">How many.</param>
    /// <returns>Their first addresses and counts, the hottest first: a fault weighs as much as a page moved.</returns>
    public IReadOnlyList<(ulong Address, BlockCounts Counts)> Hottest(int most)
    {
        var all = new List<(ulong Address, BlockCounts Counts)>(_now.Count + _before.Count);
        foreach ((ulong block, BlockCounts counts) in _now)
            all.Add((block, _before.TryGetValue(block, out BlockCounts earlier) ? earlier.Plus(counts) : counts));
        foreach ((ulong block, BlockCounts counts) in _before)
        {
            if (!_now.ContainsKey(block))
                all.Add((block, counts));
        }

        all.Sort(static (one, other) => other.Counts.Weight.CompareTo(one.Counts.Weight));
        return all.GetRange(0, Math.Min(most, all.Count));
    }

    /// <summary>Counts one event.</summary>
    /// <param name="one">The event.</param>
    private void Note(in SvmEvent one)
    {
        if (one.Kind is not (SvmEventKind.GpuFault or SvmEventKind.CpuFault or SvmEventKind.Migration or SvmEventKind.Eviction))
            return;
        ulong block = one.Address.AlignDown(PageOrder.Huge).Value;
        if (!_now.TryGetValue(block, out BlockCounts counts))
        {
            if (_now.Count >= MostBlocks)
            {
                LeftOut++;
                return;
            }

            counts.LastTo = _before.TryGetValue(block, out BlockCounts earlier) ? earlier.LastTo : SvmPlace.None;
        }

        _now[block] = counts.With(one);
    }
}
