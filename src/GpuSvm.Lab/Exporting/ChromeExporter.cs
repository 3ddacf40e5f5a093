// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>
/// Writes events, kernels, mappings, binds and prefetches as the JSON of Chrome's trace viewer: a process for each device and for the CPU, a track for each kind. Accesses are left out:
/// there are too many to look at.
/// </summary>
internal sealed class ChromeExporter : IExporter, ITraceSink
{
    private const int FlushBytes = 1 << 16;
    private const int CpuProcess = 1_000_000;

    private readonly Utf8JsonWriter _json;
    private readonly HashSet<int> _processes = [];
    private readonly Dictionary<(int Process, string Kind), Lanes> _lanes = [];
    private readonly Dictionary<(int Process, string Kind, int Lane), int> _tracks = [];

    /// <summary>Begins the file.</summary>
    /// <param name="stream">Where to; stays open.</param>
    public ChromeExporter(Stream stream)
    {
        _json = new Utf8JsonWriter(stream, new JsonWriterOptions { SkipValidation = true });
        _json.WriteStartObject();
        _json.WriteString("displayTimeUnit", "ns");
        _json.WriteStartArray("traceEvents");
    }

    /// <inheritdoc/>
    public ITraceSink Sink => this;

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    /// <inheritdoc/>
    public void End()
    {
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
    }

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        Begin(kernel.IsEnd ? "e" : "b", kernel.Name.Length > 0 ? kernel.Name : "kernel", "kernel", ProcessOf((short)kernel.Device), 0, kernel.Time);
        _json.WriteNumber("id", kernel.Id);
        Finish();
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping) => Moment(mapping.IsUnmap ? "Unmap" : "Map", SvmPlace.Ram, mapping.Time, mapping.Interval.Start.Value, mapping.Interval.Bytes, mapping.Name);

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice) => Moment("Advice", SvmPlace.Ram, advice.Time, advice.Interval.Start.Value, advice.Interval.Bytes, advice.Advice.ToString());

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) =>
        Moment("Prefetch call", prefetch.Destination, prefetch.Time, prefetch.Interval.Start.Value, prefetch.Interval.Bytes, RowSink.Place(prefetch.Destination));

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => Moment("Bind", (short)bind.Device, bind.Time, bind.Interval.Start.Value, bind.Interval.Bytes, RowSink.Place(bind.Place));

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        string kind = one.Kind.ToString();
        int process = ProcessOf(RowSink.OwnerOf(one));
        long start = one.Timestamp - one.Duration;
        int lane = one.Duration > 0 ? LanesOf(process, kind).Place(start, one.Timestamp) : -1;
        Begin(lane >= 0 ? "X" : "i", kind, "svm", process, TrackOf(process, kind, Math.Max(0, lane)), start);
        if (lane >= 0)
            _json.WriteNumber("dur", Microseconds(one.Duration));
        else
            _json.WriteString("s", "t");
        _json.WriteStartObject("args");
        _json.WriteString("address", one.Address.ToString());
        _json.WriteNumber("bytes", one.Bytes);
        _json.WriteString("from", RowSink.Place(one.From));
        _json.WriteString("to", RowSink.Place(one.To));
        _json.WriteString("cause", one.Cause.ToString());
        _json.WriteString("status", one.Status.ToString());
        if (one.Kind == SvmEventKind.Invalidation)
            _json.WriteString("change", one.Change.ToString());
        if (one.Culprit.Value != 0)
            _json.WriteString("culprit", one.Culprit.ToString());
        _json.WriteEndObject();
        Finish();
    }

    /// <summary>Microseconds as viewers want them.</summary>
    /// <param name="nanoseconds">The time.</param>
    /// <returns>With three decimals.</returns>
    private static decimal Microseconds(long nanoseconds) => nanoseconds / 1000m;

    /// <summary>The spans of a kind.</summary>
    /// <param name="process">Whose.</param>
    /// <param name="kind">The kind.</param>
    /// <returns>The lanes.</returns>
    private Lanes LanesOf(int process, string kind)
    {
        if (!_lanes.TryGetValue((process, kind), out Lanes? lanes))
            _lanes.Add((process, kind), lanes = new Lanes());
        return lanes;
    }

    /// <summary>The process that stands for a place; the first time it is named.</summary>
    /// <param name="place">A device, or anything else for the CPU.</param>
    /// <returns>Its number.</returns>
    private int ProcessOf(short place)
    {
        int process = place >= 0 ? place + 1 : CpuProcess;
        if (_processes.Add(process))
            Name("process_name", process, 0, place >= 0 ? RowSink.Place(place) : "CPU");
        return process;
    }

    /// <summary>The track of a lane; the first time it is named.</summary>
    /// <param name="process">Whose.</param>
    /// <param name="kind">The kind.</param>
    /// <param name="lane">The lane.</param>
    /// <returns>Its number.</returns>
    private int TrackOf(int process, string kind, int lane)
    {
        if (!_tracks.TryGetValue((process, kind, lane), out int track))
        {
            _tracks.Add((process, kind, lane), track = _tracks.Count + 1);
            Name("thread_name", process, track, kind);
        }

        return track;
    }

    /// <summary>Writes something that has no length.</summary>
    /// <param name="kind">What.</param>
    /// <param name="place">Where.</param>
    /// <param name="time">When.</param>
    /// <param name="address">The first address.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="detail">More.</param>
    private void Moment(string kind, short place, long time, ulong address, long bytes, string detail)
    {
        int process = ProcessOf(place);
        Begin("i", kind, "svm", process, TrackOf(process, kind, 0), time);
        _json.WriteString("s", "t");
        _json.WriteStartObject("args");
        _json.WriteString("address", $"0x{address:x}");
        _json.WriteNumber("bytes", bytes);
        _json.WriteString("detail", detail);
        _json.WriteEndObject();
        Finish();
    }

    /// <summary>Names a process or a track.</summary>
    /// <param name="what">Which of the two.</param>
    /// <param name="process">The process.</param>
    /// <param name="track">The track.</param>
    /// <param name="name">The name.</param>
    private void Name(string what, int process, int track, string name)
    {
        Begin("M", what, "__metadata", process, track, 0);
        _json.WriteStartObject("args");
        _json.WriteString("name", name);
        _json.WriteEndObject();
        Finish();
    }

    /// <summary>Begins an entry.</summary>
    /// <param name="phase">Chrome's letter.</param>
    /// <param name="name">What is written on it.</param>
    /// <param name="category">Its category.</param>
    /// <param name="process">The process.</param>
    /// <param name="track">The track.</param>
    /// <param name="time">Nanoseconds.</param>
    private void Begin(string phase, string name, string category, int process, int track, long time)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", phase);
        _json.WriteString("name", name);
        _json.WriteString("cat", category);
        _json.WriteNumber("pid", process);
        _json.WriteNumber("tid", track);
        _json.WriteNumber("ts", Microseconds(time));
    }

    /// <summary>Ends an entry.</summary>
    private void Finish()
    {
        _json.WriteEndObject();
        if (_json.BytesPending > FlushBytes)
            _json.Flush();
    }
}
