// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes the summary that ROCm's profiler writes of unified memory: migrations of each device by direction, page faults, and what migrations were for.</summary>
internal sealed class RocmExporter(Stream stream) : IExporter, ITraceSink
{
    private static readonly string[] _directions = ["host_to_device", "device_to_host", "device_to_device"];
    private static readonly string[] _triggers = ["gpu_page_fault", "cpu_page_fault", "prefetch", "ttm_eviction", "unknown"];

    private readonly SortedDictionary<short, Sums[]> _devices = [];
    private readonly long[] _byTrigger = new long[_triggers.Length];
    private long _faults;

    /// <inheritdoc/>
    public ITraceSink Sink => this;

    /// <inheritdoc/>
    /// <remarks>The stream is the caller's.</remarks>
    public void Dispose()
    {
    }

    /// <inheritdoc/>
    public void End()
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("devices");
        foreach ((short device, Sums[] directions) in _devices)
        {
            json.WriteStartObject();
            json.WriteNumber("device_id", device);
            json.WriteString("device_name", RowSink.Place(device));
            json.WriteStartObject("migrations");
            for (int direction = 0; direction < directions.Length; direction++)
            {
                if (directions[direction].Count > 0)
                    directions[direction].Write(json, _directions[direction]);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("summary");
        json.WriteNumber("total_page_faults", _faults);
        json.WriteBoolean("xnack_enabled", true); // Devices wait for their faults here, which is what the word means.
        json.WriteStartObject("migration_triggers");
        for (int trigger = 0; trigger < _triggers.Length; trigger++)
            json.WriteNumber(_triggers[trigger], _byTrigger[trigger]);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        if (one.Kind is SvmEventKind.GpuFault or SvmEventKind.CpuFault)
            _faults++;
        if (one.Kind != SvmEventKind.Migration)
            return;
        short device = one.To >= 0 ? one.To : one.From;
        int direction = one.To < 0 ? 1 : one.From >= 0 ? 2 : 0;
        if (!_devices.TryGetValue(device, out Sums[]? directions))
            _devices.Add(device, directions = [.. Enumerable.Range(0, _directions.Length).Select(_ => new Sums())]);
        directions[direction].Add(one.Bytes, one.Duration);
        _byTrigger[one.Cause switch { MigrationCause.GpuFault => 0, MigrationCause.CpuFault => 1, MigrationCause.Prefetch => 2, MigrationCause.Eviction => 3, _ => 4 }]++;
    }

    /// <summary>What has moved in one direction.</summary>
    private sealed class Sums
    {
        private long _least = long.MaxValue;
        private long _most;
        private long _bytes;
        private long _time;

        /// <summary>Migrations.</summary>
        public long Count { get; private set; }

        /// <summary>Counts a migration.</summary>
        /// <param name="bytes">Its size.</param>
        /// <param name="nanoseconds">Its duration.</param>
        public void Add(long bytes, long nanoseconds)
        {
            Count++;
            _least = Math.Min(_least, bytes);
            _most = Math.Max(_most, bytes);
            _bytes += bytes;
            _time += nanoseconds;
        }

        /// <summary>Writes the sums.</summary>
        /// <param name="json">Where to.</param>
        /// <param name="direction">The direction's name.</param>
        public void Write(Utf8JsonWriter json, string direction)
        {
            json.WriteStartObject(direction);
            json.WriteNumber("count", Count);
            json.WriteNumber("avg_size_bytes", _bytes / Count);
            json.WriteNumber("min_size_bytes", _least);
            json.WriteNumber("max_size_bytes", _most);
            json.WriteNumber("total_size_bytes", _bytes);
            json.WriteNumber("total_time_ns", _time);
            json.WriteNumber("migration_throughput_gbps", _time == 0 ? 0 : Math.Round((double)_bytes / _time, 3)); // Bytes in a nanosecond are gigabytes in a second.
            json.WriteEndObject();
        }
    }
}
