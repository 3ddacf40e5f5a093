// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>
/// Writes events, kernels, mappings, binds and prefetches as a Perfetto trace: a group of tracks for each device and for the CPU, a track for each kind and for what overlaps of it, and
/// counters of the bytes that have moved each way. Accesses are left out: there are too many to look at.
/// </summary>
/// <remarks>The numbers are the fields of Perfetto's messages: Trace, TracePacket, TrackDescriptor, TrackEvent, DebugAnnotation, CounterDescriptor.</remarks>
internal sealed class PerfettoExporter(Stream stream) : IExporter, ITraceSink
{
    private const int PacketOfTrace = 1;
    private const int TimeOfPacket = 8;
    private const int SequenceOfPacket = 10;
    private const int EventOfPacket = 11;
    private const int FlagsOfPacket = 13;
    private const int DescriptorOfPacket = 60;
    private const int TypeOfEvent = 9;
    private const int TrackOfEvent = 11;
    private const int NameOfEvent = 23;
    private const int AnnotationOfEvent = 4;
    private const int CounterOfEvent = 30;
    private const ulong SliceBegin = 1;
    private const ulong SliceEnd = 2;
    private const ulong Instant = 3;
    private const ulong Counter = 4;

    private readonly ProtoBuffer _trace = new();
    private readonly ProtoBuffer _packet = new();
    private readonly ProtoBuffer _event = new();
    private readonly ProtoBuffer _inner = new();
    private readonly Dictionary<(short Place, string Kind, int Lane), ulong> _tracks = [];
    private readonly Dictionary<(short Place, string Kind), Lanes> _lanes = [];
    private readonly Dictionary<long, (string Name, long Start)> _kernels = [];
    private readonly List<(string Name, string Text)> _notes = []; // Of what is written next.
    private long _toDevices;
    private long _toRam;
    private bool _hasBegun;

    /// <inheritdoc/>
    public ITraceSink Sink => this;

    /// <inheritdoc/>
    /// <remarks>The stream is the caller's.</remarks>
    public void Dispose()
    {
    }

    /// <inheritdoc/>
    public void End() => stream.Flush();

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        if (!kernel.IsEnd)
        {
            _kernels[kernel.Id] = (kernel.Name.Length > 0 ? kernel.Name : "kernel", kernel.Time);
        }
        else if (_kernels.Remove(kernel.Id, out (string Name, long Start) begun))
        {
            Span((short)kernel.Device, "Kernels", begun.Name, begun.Start, kernel.Time);
        }
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        Note(mapping.Interval.Start.Value, mapping.Interval.Bytes);
        _notes.Add(("name", mapping.Name));
        Span(SvmPlace.Ram, "Mappings", mapping.IsUnmap ? "Unmap" : "Map", mapping.Time, mapping.Time);
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        Note(advice.Interval.Start.Value, advice.Interval.Bytes);
        _notes.Add(("advice", advice.Advice.ToString()));
        Span(SvmPlace.Ram, "Advice", "Advice", advice.Time, advice.Time);
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        Note(prefetch.Interval.Start.Value, prefetch.Interval.Bytes);
        Span(prefetch.Destination, "Prefetch calls", "Prefetch", prefetch.Time, prefetch.Time);
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        Note(bind.Interval.Start.Value, bind.Interval.Bytes);
        _notes.Add(("pages", RowSink.Place(bind.Place)));
        Span((short)bind.Device, "Binds", "Bind", bind.Time, bind.Time);
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        Note(one.Address.Value, one.Bytes);
        _notes.Add(("from", RowSink.Place(one.From)));
        _notes.Add(("to", RowSink.Place(one.To)));
        _notes.Add(("cause", one.Cause.ToString()));
        _notes.Add(("status", one.Status.ToString()));
        string kind = one.Kind.ToString();
        bool isMove = one.Kind == SvmEventKind.Migration;
        Span(RowSink.OwnerOf(one), kind, kind, one.Timestamp - one.Duration, one.Timestamp);
        if (isMove && one.To == SvmPlace.Ram)
            Count("Bytes to RAM", _toRam += one.Bytes, one.Timestamp);
        else if (isMove)
            Count("Bytes to devices", _toDevices += one.Bytes, one.Timestamp);
    }

    /// <summary>Says of the next span what it is about.</summary>
    /// <param name="address">The first address.</param>
    /// <param name="bytes">How many bytes.</param>
    private void Note(ulong address, long bytes)
    {
        _notes.Add(("address", $"0x{address:x}"));
        _notes.Add(("bytes", $"{bytes}"));
    }

    /// <summary>Writes a span, or a moment if it has no length or there is no lane for it.</summary>
    /// <param name="place">Whose.</param>
    /// <param name="kind">On which track.</param>
    /// <param name="name">What is written on it.</param>
    /// <param name="start">When it begins.</param>
    /// <param name="end">When it ends.</param>
    private void Span(short place, string kind, string name, long start, long end)
    {
        short group = place >= 0 ? place : SvmPlace.Ram;
        if (!_lanes.TryGetValue((group, kind), out Lanes? lanes))
            _lanes.Add((group, kind), lanes = new Lanes());
        int lane = end > start ? lanes.Place(start, end) : -1;
        ulong track = TrackOf(group, kind, Math.Max(0, lane));
        _event.Clear();
        _event.Number(TypeOfEvent, lane >= 0 ? SliceBegin : Instant);
        _event.Number(TrackOfEvent, track);
        _event.Text(NameOfEvent, name);
        foreach ((string what, string text) in _notes)
        {
            _inner.Clear();
            _inner.Text(10, what); // DebugAnnotation.name
            _inner.Text(6, text); // DebugAnnotation.string_value
            _event.Message(AnnotationOfEvent, _inner);
        }

        _notes.Clear();
        WriteEvent(start);
        if (lane < 0)
            return;
        _event.Clear();
        _event.Number(TypeOfEvent, SliceEnd);
        _event.Number(TrackOfEvent, track);
        WriteEvent(end);
    }

    /// <summary>Writes a counter's new value.</summary>
    /// <param name="name">The counter.</param>
    /// <param name="value">Its value.</param>
    /// <param name="time">When.</param>
    private void Count(string name, long value, long time)
    {
        if (!_tracks.TryGetValue((SvmPlace.None, name, 0), out ulong track))
        {
            _tracks.Add((SvmPlace.None, name, 0), track = (ulong)_tracks.Count + 1);
            _inner.Clear();
            _inner.Number(3, 3); // CounterDescriptor.unit: bytes
            _event.Clear();
            _event.Number(1, track); // TrackDescriptor.uuid
            _event.Text(2, name); // TrackDescriptor.name
            _event.Message(8, _inner); // TrackDescriptor.counter
            Write(DescriptorOfPacket, null);
        }

        _event.Clear();
        _event.Number(TypeOfEvent, Counter);
        _event.Number(TrackOfEvent, track);
        _event.Number(CounterOfEvent, (ulong)value);
        WriteEvent(time);
    }

    /// <summary>The track of a lane; the first time it is described, below that of its place.</summary>
    /// <param name="place">A device, or RAM for the CPU.</param>
    /// <param name="kind">Empty for the place's own.</param>
    /// <param name="lane">The lane.</param>
    /// <returns>Its number.</returns>
    private ulong TrackOf(short place, string kind, int lane)
    {
        if (_tracks.TryGetValue((place, kind, lane), out ulong track))
            return track;
        ulong parent = kind.Length == 0 ? 0 : TrackOf(place, "", 0);
        _tracks.Add((place, kind, lane), track = (ulong)_tracks.Count + 1);
        _event.Clear();
        _event.Number(1, track); // TrackDescriptor.uuid
        _event.Text(2, kind.Length > 0 ? kind : place >= 0 ? RowSink.Place(place) : "CPU"); // TrackDescriptor.name
        if (parent != 0)
            _event.Number(5, parent); // TrackDescriptor.parent_uuid
        Write(DescriptorOfPacket, null);
        return track;
    }

    /// <summary>Writes the event that has been put together.</summary>
    /// <param name="time">When it is; before the trace's beginning counts as its beginning.</param>
    private void WriteEvent(long time) => Write(EventOfPacket, (ulong)Math.Max(0, time));

    /// <summary>Writes a packet around what has been put together.</summary>
    /// <param name="field">What it is.</param>
    /// <param name="time">When; null for none.</param>
    private void Write(int field, ulong? time)
    {
        _packet.Clear();
        if (time is { } at)
            _packet.Number(TimeOfPacket, at);
        _packet.Number(SequenceOfPacket, 1);
        if (!_hasBegun)
            _packet.Number(FlagsOfPacket, 1); // Nothing before it is referred to.
        _hasBegun = true;
        _packet.Message(field, _event);
        _trace.Clear();
        _trace.Message(PacketOfTrace, _packet);
        stream.Write(_trace.Written);
    }
}
