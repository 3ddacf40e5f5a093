// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the counters that the Xe driver has for a graphics tile in debugfs (gt0/stats): "name: number", a line each. A file with two readings one behind the other, before a run and after it, is that run; one
/// reading is all since the driver was loaded. Counters know no address and no time: see <see cref="SummedEvents"/>.
/// </summary>
internal sealed class XeStatsImporter : ILineImporter
{
    private const int MostNames = 10_000; // The driver has fewer than a hundred.

    private static readonly (string Name, long Bytes)[] _sizes = [("4K", PageSize.Bytes), ("64K", 64 << 10), ("2M", PageSize.HugeBytes)];

    private readonly Dictionary<string, long> _before = [];
    private readonly Dictionary<string, long> _after = [];

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        ReadOnlySpan<byte> trimmed = line.Trim(" \t"u8);
        int colon = trimmed.IndexOf((byte)':');
        if (colon <= 0 || !trimmed.StartsWith("svm_"u8))
            return false;
        string name = Encoding.UTF8.GetString(trimmed[..colon]);
        LineScanner scanner = new(trimmed[(colon + 1)..]);
        scanner.SkipBlanks();
        long value = scanner.Number("a counter's number");
        if (!scanner.IsAtEnd)
            throw scanner.Unexpected("nothing behind the counter's number");
        if (_before.Count == MostNames && !_before.ContainsKey(name))
            throw new ImportLineException($"at most {MostNames} counters", LineReader.Show(trimmed));
        if (_before.TryAdd(name, value))
            return true;
        if (value < _before[name])
            throw new ImportLineException($"a number from {_before[name]} up, which {name} had before", $"{value}; the driver was loaded again in between: read both times with it loaded");
        if (!_after.TryAdd(name, value))
            throw new ImportLineException("at most two readings, before a run and after it", $"a third of {name}");
        return true;
    }

    /// <inheritdoc/>
    public void End(ImportOutput output)
    {
        var events = new SummedEvents(output);
        foreach ((string size, long bytes) in _sizes)
        {
            long faults = Counted($"svm_{size}_pagefault_count");
            events.Add(new SvmEvent(SvmEventKind.GpuFault, default, bytes) { To = 0, Access = MemoryAccess.Read }, faults, faults * bytes, Microseconds($"svm_{size}_pagefault_us"));
            Moves(events, $"svm_{size}_device_copy", Counted($"svm_{size}_migrate_count"), bytes, toRam: false);
            Moves(events, $"svm_{size}_cpu_copy", 0, bytes, toRam: true);
        }
    }

    /// <summary>Migrations of one size one way.</summary>
    /// <param name="events">Gets them.</param>
    /// <param name="copies">What the names of the counters of copies begin with.</param>
    /// <param name="count">How many; 0 where only their bytes are counted: then as many as the size goes into them.</param>
    /// <param name="bytes">The size.</param>
    /// <param name="toRam">Which way.</param>
    private void Moves(SummedEvents events, string copies, long count, long bytes, bool toRam)
    {
        long copied = Scaled($"{copies}_kb", 1024);
        long moves = Math.Max(count, (copied / bytes) + (copied % bytes == 0 ? 0 : 1)); // A migration copies no more than its size.
        events.Add(
            new SvmEvent(SvmEventKind.Migration, default, bytes) { From = toRam ? (short)0 : SvmPlace.Ram, To = toRam ? SvmPlace.Ram : (short)0, Cause = toRam ? MigrationCause.None : MigrationCause.GpuFault },
            moves,
            copied,
            Microseconds($"{copies}_us"));
    }

    /// <summary>What a counter has counted.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Between the readings, or since the driver was loaded; 0 without the counter.</returns>
    private long Counted(string name) => _after.Count == 0 ? _before.GetValueOrDefault(name) : _after.TryGetValue(name, out long after) ? after - _before[name] : 0;

    /// <summary>A time that a counter has counted.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Nanoseconds.</returns>
    private long Microseconds(string name) => Scaled(name, 1000);

    /// <summary>A counter in another unit.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="scale">How many of the new unit one of the old is.</param>
    /// <returns>The number.</returns>
    private long Scaled(string name, long scale) => Counted(name) is var number && number <= (1L << 50) / scale ? number * scale : throw new ImportLineException($"{name} below {(1L << 50) / scale}", $"{number}");
}
