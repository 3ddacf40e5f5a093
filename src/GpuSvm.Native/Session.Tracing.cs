// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;
using GpuSvm.SoftwareGpu;
using GpuSvm.Traces;

namespace GpuSvm.Native;

/// <content>The recording of the run.</content>
internal sealed partial class Session
{
    private readonly Lock _traceGate = new(); // One begins or ends a recording at a time.
    private readonly Dictionary<SoftwareGpuLaunch, (SessionTrace Trace, long Number, int Device)> _traced = []; // Launches that a recording knows. Guarded by _gate.
    private volatile SessionTrace? _trace; // Replaced under _traceGate.

    /// <summary>Begins to record what happens from now on, after what there is already.</summary>
    /// <param name="path">The file; overwritten.</param>
    /// <param name="options">How.</param>
    public void StartTrace(string path, in TraceOptionsStruct options)
    {
        int every = (int)Math.Min(options.AccessesEvery, int.MaxValue);
        int buffer = options.BufferRecords == 0 ? new RunRecorderOptions().BufferRecords : (int)Math.Min(options.BufferRecords, RunRecorderOptions.MostBuffer + 1);
        if (buffer is < RunRecorderOptions.LeastBuffer or > RunRecorderOptions.MostBuffer)
            throw new SessionException(SvmStatus.InvalidArgument, $"buffer_records {options.BufferRecords} is not possible: choose {RunRecorderOptions.LeastBuffer} to {RunRecorderOptions.MostBuffer}, or 0 for the default.");
        lock (_traceGate)
        {
            if (_trace is { IsVariables: false })
                throw new SessionException(SvmStatus.InvalidArgument, "This memory is being recorded already: call gpusvm_trace_stop first.");
            FileStream file = SessionTrace.Create(path); // Before the other recording ends: if this one cannot be, that goes on.
            StopTraceLocked();
            BeginTraceLocked(file, path, every, (int)BitOperations.RoundUpToPowerOf2((uint)buffer), isVariables: false);
        }
    }

    /// <summary>Ends the recording; throws a <see cref="SessionException"/> if there is none, or not all could be written.</summary>
    /// <param name="status">What was written.</param>
    public void StopTrace(out TraceStatusStruct status)
    {
        lock (_traceGate)
        {
            SessionTrace trace = _trace ?? throw new SessionException(SvmStatus.InvalidHandle, "This memory is not being recorded: gpusvm_trace_start begins that.");
            try
            {
                StopTraceLocked();
            }
            finally
            {
                status = StatusOf(trace, isRunning: false);
            }
        }
    }

    /// <summary>How far the recording is; throws a <see cref="SessionException"/> if there is none.</summary>
    public TraceStatusStruct ReadTrace() => _trace is { } trace
        ? StatusOf(trace, isRunning: trace.Recorder.Failure is null)
        : throw new SessionException(SvmStatus.InvalidHandle, "This memory is not being recorded: gpusvm_trace_start begins that.");

    /// <summary>Begins the recording that the environment asks for, if it does.</summary>
    private void TraceAsTheEnvironmentSays()
    {
        if (Environment.GetEnvironmentVariable(SessionTrace.Variable) is not { Length: > 0 } path)
            return;
        FileStream file = SessionTrace.CreateNext(path);
        lock (_traceGate)
            BeginTraceLocked(file, file.Name, every: 0, new RunRecorderOptions().BufferRecords, isVariables: true);
    }

    /// <summary>Ends the recording before the memory ends, whose way home is no part of the run.</summary>
    private void EndTrace()
    {
        try
        {
            lock (_traceGate)
                StopTraceLocked();
        }
        catch (SessionException failed)
        {
            Log.Write(LogLevel.Warning, failed.Message);
        }
    }

    /// <summary>What a launch is in the recording.</summary>
    /// <param name="launch">The launch.</param>
    /// <remarks>Locking: takes the gate.</remarks>
    private void TraceEnd(SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            if (_traced.Remove(launch, out (SessionTrace Trace, long Number, int Device) known))
                known.Trace.End(known.Number, known.Device);
        }
    }

    /// <summary>Tells the recording what a launch names, in a memory without faults: that is brought before it begins.</summary>
    /// <param name="memory">What it names.</param>
    /// <param name="device">Where it runs.</param>
    private void TraceUse(IReadOnlyList<JobMemory> memory, int device)
    {
        if (_host.Events.Recorder is not { } recorder)
            return;
        foreach (JobMemory one in memory)
        {
            if (one.Interval.End.Value <= DeviceWindows.First)
                recorder.Prefetch(one.Interval.AlignOutward(), device);
        }
    }

    /// <summary>Tells the recording that everything of a device is pushed out.</summary>
    /// <remarks>It has no word for that, so it is told of each mapping.</remarks>
    private void TraceEvictAll()
    {
        if (_host.Events.Recorder is not { } recorder)
            return;
        for (VirtualAddress at = default; _host.TryFindMapping(at, out HostMapping mapping); at = mapping.Interval.End)
            recorder.Prefetch(mapping.Interval, Core.Diagnostics.SvmPlace.Ram);
    }

    /// <summary>Begins a recording.</summary>
    /// <param name="file">Where to; closed if it cannot begin.</param>
    /// <param name="path">The file's name.</param>
    /// <param name="every">As of <see cref="SoftwareGpuRecording.Every"/>.</param>
    /// <param name="buffer">Records that can wait, a power of two.</param>
    /// <param name="isVariables">Whether the environment's variable begins it.</param>
    private void BeginTraceLocked(FileStream file, string path, int every, int buffer, bool isVariables)
    {
        RunRecorder recorder;
        try
        {
            recorder = new RunRecorder(_host.Events, file, TraceHeaderNow(every), new RunRecorderOptions { BufferRecords = buffer });
        }
        catch (IOException e)
        {
            file.Dispose();
            throw new SessionException(SvmStatus.CopyFailed, $"The trace {path} cannot be written: {e.Message.TrimEnd('.')}.");
        }

        _host.RecordWhatIsThere(recorder);
        for (VirtualAddress at = default; _host.TryFindMapping(at, out HostMapping mapping); at = mapping.Interval.End)
            _vm.RecordAdvice(mapping.Interval, recorder);
        foreach (SessionDevice device in _devices)
            device.Gpu.Recording = new SoftwareGpuRecording(recorder, device.Number, every);
        _trace = new SessionTrace(recorder, path, isVariables);
    }

    /// <summary>Ends the recording, if there is one.</summary>
    private void StopTraceLocked()
    {
        if (_trace is not { } trace)
            return;
        _trace = null;
        foreach (SessionDevice device in _devices)
            device.Gpu.Recording = null;
        trace.Stop();
    }

    /// <summary>What a recording says of itself.</summary>
    /// <param name="every">As of <see cref="SoftwareGpuRecording.Every"/>.</param>
    /// <returns>The header.</returns>
    private TraceHeader TraceHeaderNow(int every)
    {
        string program = Path.GetFileName(Environment.ProcessPath ?? "a program");
        var settings = new RecordedSettings
        {
            Memory = _memory.Kind == MemoryKind.Real ? "real" : "portable",
            Capabilities = (int)_host.Memory.Capabilities,
            Chunk = NameOf(_options.LargestChunk),
            FirstTouch = NameOf(_options.LargestFirstTouch),
            Migrates = _options.Migrate,
            Prefetch = NameOf(_options.Prefetch, _options.PrefetchFaults),
            Evict = NameOf(_options.Eviction),
            Thrash = _options.Thrash switch { null => "none", WindowThrash => "window", _ => "back-off" },
            ComputeUnits = _options.ComputeUnits,
            AccessesEvery = every,
            Beside = string.Join(", ", BesideOf(_options)),
        };
        return new TraceHeader
        {
            Source = $"{program} on {settings.Memory} memory",
            DeviceMemoryBytes = _options.DeviceMemories,
            Properties = settings.ToProperties(),
        };
    }

    /// <summary>What goes on in a session that a replay does not do.</summary>
    /// <param name="options">The session's options.</param>
    /// <returns>A word or two for each.</returns>
    private static IEnumerable<string> BesideOf(SessionOptions options)
    {
        if (options.AccessCounters is not null)
            yield return "access counters";
        if (options.KeepFreeBytes > 0)
            yield return "eviction ahead of need";
        if (options.PrefetchFaults)
            yield return "faults ahead of need";
        if (options.WithoutFaults)
            yield return "launches without faults";
    }

    /// <summary>The name of a size of pieces.</summary>
    private static string NameOf(PageOrder order) => order == PageOrder.Huge ? "2M" : order == PageOrder.Medium ? "64K" : "4K";

    /// <summary>The name of a prefetch policy.</summary>
    private static string NameOf(IPrefetchPolicy? policy, bool byHardware) => policy switch
    {
        null => byHardware ? "hardware" : "none",
        SequentialPrefetch => "sequential",
        TreePrefetch => "tree",
        WholeRangePrefetch => "block",
        StridePrefetch => "stride",
        _ => "adaptive",
    };

    /// <summary>The name of an eviction policy.</summary>
    private static string NameOf(IEvictionPolicy policy) => policy switch
    {
        FaultOrderEviction => "fault-order",
        FifoEviction => "fifo",
        ClockEviction => "clock",
        RandomEviction => "random",
        TreeEviction => "tree",
        _ => "unused",
    };

    /// <summary>How far a recording is.</summary>
    /// <param name="trace">The recording.</param>
    /// <param name="isRunning">Whether it goes on.</param>
    /// <returns>The struct, its size filled in.</returns>
    private static unsafe TraceStatusStruct StatusOf(SessionTrace trace, bool isRunning) => new()
    {
        StructBytes = (uint)sizeof(TraceStatusStruct),
        IsRunning = isRunning ? 1u : 0u,
        Records = (ulong)trace.Recorder.Records,
        Bytes = (ulong)trace.Recorder.Bytes,
        Lost = (ulong)trace.Recorder.Lost,
    };
}
