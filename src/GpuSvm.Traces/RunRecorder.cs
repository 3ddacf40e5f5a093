// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;

namespace GpuSvm.Traces;

/// <summary>Records a run into a trace: any thread tells, one thread of its own writes.</summary>
/// <remarks>
/// <para><b>Who tells</b> stamps a record and puts it into a ring, without a lock, a wait or an allocation, whatever it holds. One ring for all threads keeps one order, which a replay
/// needs; a fault takes microseconds, so they seldom meet there. A full ring refuses; that is counted, and stands in the trace about where it happened.</para>
/// <para><b>The writer</b> looks every few milliseconds: to wake it would cost the fault path a system call. It makes the accesses: a fault that was served is an event
/// and the access that raised it, in this order, so that a replay knows what became of the access before it makes it. What is older than <see cref="RunRecorderOptions.FlushInterval"/> is with the system,
/// where a kill does not reach it.</para>
/// <para><b>A failure</b> to write ends the recording, not the run: see <see cref="Failure"/>.</para>
/// Locking: none; <see cref="Stop"/> waits for the writer.
/// </remarks>
public sealed class RunRecorder : IRunRecorder, IDisposable
{
    private const int Batch = 512;
    private const int BusyMilliseconds = 2;
    private const int IdleMilliseconds = 20;
    private const int AccessBytes = 1; // Nobody knows how many; one page is touched.

    private readonly SvmEvents _events;
    private readonly RecordRing<RecordedEntry> _ring;
    private readonly TraceWriter _writer;
    private readonly Stream _stream;
    private readonly TimeSpan _flushInterval;
    private readonly long _start = Now();
    private readonly ManualResetEventSlim _ends = new(false);
    private readonly Thread _thread;
    private long _lost; // Interlocked.
    private long _lostWritten; // The writer's.
    private long _records; // Written by the writer, peeked at by anybody.
    private long _bytes; // As _records.
    private int _stopped; // Interlocked.
    private volatile Exception? _failure;

    /// <summary>Begins to record.</summary>
    /// <param name="events">Of what.</param>
    /// <param name="stream">Where to; closed at the end.</param>
    /// <param name="header">What the trace says of itself.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="ArgumentException">The header or the options are not possible.</exception>
    /// <exception cref="InvalidOperationException">Something is being recorded already.</exception>
    /// <exception cref="IOException">The stream does not take the header.</exception>
    public RunRecorder(SvmEvents events, Stream stream, TraceHeader header, RunRecorderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(events);
        options ??= new RunRecorderOptions();
        if (options.BufferRecords is < RunRecorderOptions.LeastBuffer or > RunRecorderOptions.MostBuffer || !int.IsPow2(options.BufferRecords))
            throw new ArgumentException($"A buffer of {options.BufferRecords} records: it must be a power of two from {RunRecorderOptions.LeastBuffer} to {RunRecorderOptions.MostBuffer}.", nameof(options));
        _events = events;
        _stream = stream;
        _flushInterval = options.FlushInterval;
        _ring = new RecordRing<RecordedEntry>(options.BufferRecords);
        _writer = new TraceWriter(stream, header);
        _writer.Flush();
        _thread = new Thread(Write) { IsBackground = true, Name = "gpusvm-trace" };
        if (!events.TryStartRecording(this))
            throw new InvalidOperationException("The memory is being recorded already: stop that first.");
        _thread.Start();
    }

    /// <summary>Records written so far, into the stream or what is to go there next.</summary>
    public long Records => Interlocked.Read(ref _records);

    /// <summary>Bytes of the file so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Records that are missing because the ring was full.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Why the recording has ended before it was stopped; null if it has not.</summary>
    public Exception? Failure => _failure;

    /// <summary>Ends the recording: what was told before is in the file, and the file is complete, unless <see cref="Failure"/> says otherwise.</summary>
    public void Stop()
    {
        bool isFirst = Interlocked.Exchange(ref _stopped, 1) == 0;
        if (isFirst)
        {
            _events.StopRecording(this);
            _ends.Set();
        }

        _thread.Join();
        if (isFirst)
            _ends.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => Stop();

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => Add(new RecordedEntry(TraceRecordKind.Event, one));

    /// <inheritdoc/>
    public void Access(VirtualAddress address, MemoryAccess access, int device) =>
        Add(new RecordedEntry(TraceRecordKind.Access, new SvmEvent(SvmEventKind.None, address, AccessBytes) { To = (short)device, Access = access, Timestamp = Now() }));

    /// <inheritdoc/>
    public void Kernel(long launch, int device, bool isEnd, string name) =>
        Add(new RecordedEntry(TraceRecordKind.Kernel, new SvmEvent(SvmEventKind.None, default, launch) { To = (short)device, From = isEnd ? (short)1 : (short)0, Timestamp = Now() }, name));

    /// <inheritdoc/>
    public void Mapping(AddressRange interval, bool isUnmap) =>
        Add(new RecordedEntry(TraceRecordKind.Mapping, new SvmEvent(SvmEventKind.None, interval.Start, interval.Bytes) { From = isUnmap ? (short)1 : (short)0, Timestamp = Now() }));

    /// <inheritdoc/>
    public void Resident(AddressRange interval, int place) => Add(OfPlace(TraceRecordKind.Residence, interval, place));

    /// <inheritdoc/>
    public void Advice(AddressRange interval, in MemoryAdvice advice) =>
        Add(new RecordedEntry(TraceRecordKind.Advice, new SvmEvent(SvmEventKind.None, interval.Start, interval.Bytes) { Timestamp = Now() }, advice));

    /// <inheritdoc/>
    public void Prefetch(AddressRange interval, int destination) => Add(OfPlace(TraceRecordKind.Prefetch, interval, destination));

    /// <inheritdoc/>
    public void Bind(AddressRange interval, int device, int place, bool isWritable) => Add(new RecordedEntry(
        TraceRecordKind.Bind,
        new SvmEvent(SvmEventKind.None, interval.Start, interval.Bytes)
        {
            To = (short)device, From = (short)place, Access = isWritable ? MemoryAccess.Write : MemoryAccess.Read, Timestamp = Now(),
        }));

    /// <summary>Nanoseconds of the monotonic clock, as events have them.</summary>
    private static long Now() => Histogram.NanosecondsOf(Stopwatch.GetTimestamp());

    /// <summary>A record of an interval and a place.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="place">The place.</param>
    /// <returns>The record.</returns>
    private static RecordedEntry OfPlace(TraceRecordKind kind, AddressRange interval, int place) =>
        new(kind, new SvmEvent(SvmEventKind.None, interval.Start, interval.Bytes) { To = (short)place, Timestamp = Now() });

    /// <summary>Puts a record into the ring, or counts it as lost.</summary>
    /// <param name="entry">The record.</param>
    private void Add(in RecordedEntry entry)
    {
        if (!_ring.TryAdd(entry))
            Interlocked.Increment(ref _lost);
    }

    /// <summary>The writer's thread.</summary>
    private void Write()
    {
        try
        {
            var flushed = Stopwatch.StartNew();
            for (bool isLast = false; !isLast;)
            {
                isLast = _ends.IsSet; // Before the look: what was told before the end is seen by it.
                int count = WriteWaiting();
                if (flushed.Elapsed >= _flushInterval || isLast)
                {
                    _writer.Flush();
                    _ = Interlocked.Exchange(ref _bytes, _stream.Position);
                    flushed.Restart();
                }

                if (!isLast)
                    _ends.Wait(count > 0 ? BusyMilliseconds : IdleMilliseconds);
            }

            _writer.Complete();
            _ = Interlocked.Exchange(ref _bytes, _stream.Position);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            _failure = e;
            _events.StopRecording(this);
        }

        Close();
    }

    /// <summary>Closes the file; what a failed writer still holds is given up.</summary>
    private void Close()
    {
        try
        {
            _writer.Dispose();
        }
        catch (IOException e)
        {
            _failure ??= e;
            _stream.Dispose();
        }
    }

    /// <summary>Writes what is in the ring, and tells of what is missing.</summary>
    /// <returns>How many records were there.</returns>
    private int WriteWaiting()
    {
        int count = 0;
        RecordedEntry entry = default;
        while (_ring.TryTake(ref entry))
        {
            entry.WriteTo(_writer, _start);
            if (++count % Batch == 0)
                TellOfLost();
        }

        TellOfLost();
        _ = Interlocked.Exchange(ref _records, _writer.Records);
        return count;
    }

    /// <summary>Writes down that records are missing, if more are than before.</summary>
    private void TellOfLost()
    {
        long lost = Lost;
        if (lost == _lostWritten)
            return;
        _writer.Lost(new TraceLoss(lost - _lostWritten) { Time = Now() - _start });
        _lostWritten = lost;
    }
}
