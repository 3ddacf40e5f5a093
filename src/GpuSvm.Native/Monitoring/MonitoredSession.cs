// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native.Monitoring;

/// <summary>A session that may be watched, and what is gathered of it while it is.</summary>
/// <remarks>Locking: the monitor's gate for all members.</remarks>
/// <param name="session">The session.</param>
/// <param name="number">Its number in the process, from 1.</param>
internal sealed class MonitoredSession(Session session, int number)
{
    private const int Capacity = 1 << 16; // Events between two looks, which are 50 ms apart.
    private const int MostBlocks = 16;

    private SvmEventStream? _stream; // Null while nobody watches.
    private BlockActivity _activity = new();

    /// <summary>The session.</summary>
    public Session Session { get; } = session;

    /// <summary>Begins to gather, if that has not begun.</summary>
    public void Start()
    {
        if (_stream is not null)
            return;
        _activity = new BlockActivity();
        _stream = Session.Events.Open(Capacity);
    }

    /// <summary>Ends gathering: events cost nothing any more.</summary>
    public void Stop()
    {
        if (_stream is { } stream)
            Session.Events.Close(stream);
        _stream = null;
    }

    /// <summary>Takes the events that have come.</summary>
    public void Take()
    {
        if (_stream is { } stream)
            _activity.Take(stream);
    }

    /// <summary>Writes its part of a frame.</summary>
    /// <param name="writer">The frame.</param>
    public void Write(Utf8JsonWriter writer)
    {
        Take();
        StatisticsStruct now = Session.ReadStatistics();
        writer.WriteStartObject();
        writer.WriteNumber("id", number);
        writer.WriteString("kind", now.MemoryKind == (uint)MemoryKind.Real ? "real" : "portable");
        writer.WriteNumber("heap_bytes", now.HeapBytes);
        writer.WriteNumber("away_bytes", Session.AwayBytes);
        writer.WriteNumber("device_bytes_used", now.DeviceBytesUsed);
        writer.WriteNumber("device_bytes_total", now.DeviceBytesTotal);
        writer.WriteNumber("ranges", now.Ranges);
        writer.WriteNumber("gpu_faults", now.GpuFaults);
        writer.WriteNumber("gpu_faults_failed", now.GpuFaultsFailed);
        writer.WriteNumber("cpu_faults", now.CpuFaults);
        writer.WriteNumber("bytes_to_device", now.BytesToDevice);
        writer.WriteNumber("bytes_to_ram", now.BytesToRam);
        writer.WriteNumber("evictions", now.Evictions);
        writer.WriteNumber("invalidations", now.Invalidations);
        writer.WriteNumber("events_dropped", (_stream?.Dropped() ?? 0) + _activity.LeftOut);
        WriteBuckets(writer, "gpu_fault_ns", Session.HistogramOf(HistogramKind.GpuFault));
        WriteBuckets(writer, "cpu_fault_ns", Session.HistogramOf(HistogramKind.CpuFault));
        writer.WriteNumber("window_seconds", Math.Round(_activity.Seconds, 3));
        writer.WriteStartArray("blocks");
        foreach ((ulong address, BlockCounts counts) in _activity.Hottest(MostBlocks))
        {
            writer.WriteStartObject();
            writer.WriteNumber("address", address);
            writer.WriteNumber("gpu_faults", counts.GpuFaults);
            writer.WriteNumber("cpu_faults", counts.CpuFaults);
            writer.WriteNumber("bytes_to_device", counts.BytesToDevice);
            writer.WriteNumber("bytes_to_ram", counts.BytesToRam);
            writer.WriteNumber("evictions", counts.Evictions);
            writer.WriteNumber("turns", counts.Turns);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Writes a histogram's buckets up to the last that is not empty.</summary>
    /// <param name="writer">The frame.</param>
    /// <param name="name">Under which name.</param>
    /// <param name="histogram">The histogram.</param>
    private static void WriteBuckets(Utf8JsonWriter writer, string name, Histogram histogram)
    {
        Span<long> counts = stackalloc long[Histogram.Buckets];
        histogram.CopyTo(counts);
        writer.WriteStartArray(name);
        foreach (long count in counts.TrimEnd(0L))
            writer.WriteNumberValue(count);
        writer.WriteEndArray();
    }
}
