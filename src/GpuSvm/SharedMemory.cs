// SPDX-License-Identifier: MIT
using GpuSvm.Interop;
using GpuSvm.Observing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace GpuSvm;

/// <summary>
/// Memory that this process and its GPU share: one address for both, pages that move to whoever touches them, and more of it than the device holds.
/// </summary>
/// <remarks>
/// Everything that serves page faults runs in the native library libgpusvm, on threads and a runtime of its own; this package calls it and owns nothing
/// but handles. That is why threads of this runtime may fault on shared arrays in any form, a span copy included: a collection that waits for a faulting
/// thread waits only until the library, which no collection here can stop, has served the fault.
/// <para>All members may be called from any thread. Disposing waits for running launches, then frees all arrays (<see cref="DisposeAsync"/> waits without holding a thread of the
/// caller's). Memory that is never disposed stays until the process ends: the collector cannot know whether a span or a running kernel still uses it. It is reported instead.</para>
/// </remarks>
public sealed partial class SharedMemory : IDisposable, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly MemoryHandle _handle;
    private readonly ILogger _logger;
    private readonly LaunchList _launches = new();
    private readonly Dictionary<nint, Allocation> _arrays = []; // By the first byte. Guarded by _gate.
    private bool _disposed;
    private long _leaked;

    /// <summary>Wraps an open memory and asks what it has become.</summary>
    /// <param name="handle">The library's handle.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="logger">Who is told.</param>
    private SharedMemory(MemoryHandle handle, SharedMemoryOptions options, ILogger logger)
    {
        _handle = handle;
        _logger = logger;
        DeviceCount = options.DeviceCount;
        Kind = (MemoryKind)NativeQueries.Statistics(handle).MemoryKind;
        KindReason = NativeQueries.Reason(handle);
        SvmMetrics.Publish();
        Number = OpenMemories.Add(handle, DeviceCount);
        SvmLog.Opened(logger, Kind, options.DeviceMemoryBytes, options.CapacityBytes);
        if (options.Memory == MemoryKind.Auto && Kind == MemoryKind.Portable)
            SvmLog.FellBack(logger, KindReason);
    }

    /// <summary>Reports a memory that nobody disposed.</summary>
    ~SharedMemory() => LeakReports.Memory(_logger ?? NullLogger.Instance);

    /// <summary>Which memory it is: <see cref="MemoryKind.Real"/> or <see cref="MemoryKind.Portable"/>.</summary>
    public MemoryKind Kind { get; }

    /// <summary>What stood in the way of real memory and how to enable it; empty for real memory.</summary>
    public string KindReason { get; }

    /// <summary>Its number in the process: what watches tells memories apart by it.</summary>
    internal int Number { get; }

    /// <summary>Arrays that the collector found undisposed. Their memory is freed when this object is disposed.</summary>
    public long LeakedArrays => Interlocked.Read(ref _leaked);

    /// <summary>What has happened since the memory was opened.</summary>
    public SvmStatistics Statistics
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return NativeQueries.Statistics(_handle).ToStatistics();
        }
    }

    /// <summary>How often what took how long, or was how large, since the memory was opened.</summary>
    /// <param name="kind">What.</param>
    /// <returns>The histogram at this moment.</returns>
    public SvmHistogram Histogram(HistogramKind kind)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return NativeQueries.Histogram(_handle, kind);
    }

    /// <summary>Opens a stream of what happens from now on: faults, migrations, evictions, each with its cause.</summary>
    /// <param name="capacity">Events that it holds until they are read, 1 to 1,048,576; while it is full new ones are dropped and counted.</param>
    /// <returns>The stream; dispose it, for events cost nothing only while no stream is open.</returns>
    public SvmEventReader OpenEvents(int capacity = 65536)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_events_open(_handle, (uint)capacity, out ulong events));
        return new SvmEventReader(events);
    }

    /// <summary>Records the run from now on into a file that `gpusvm replay` runs again: what is mapped, launches, faults, prefetches, advice, and all that happens for it.</summary>
    /// <param name="path">The file; overwritten.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The recording; stop or dispose it.</returns>
    /// <exception cref="ArgumentException">An option is out of its range, the file cannot be written, or the memory is being recorded already.</exception>
    public RunTrace StartTrace(string path, RunTraceOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new RunTraceOptions();
        options.Validate();
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeTraceOptions native = NativeTraceOptions.From(options);
        NativeErrors.Check(NativeMethods.gpusvm_trace_start(_handle, path, in native));
        return new RunTrace(_handle);
    }

    /// <summary>Opens shared memory with one software GPU, or several.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="logger">Is told what a program's owner should know: a fallback to portable memory, arrays that were never disposed, launches that failed. Null for nobody.</param>
    /// <returns>The open memory; dispose it.</returns>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it and what is possible.</exception>
    /// <exception cref="SharedMemoryException">This machine cannot give it; the message names the remedy.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing; the message says how to build it.</exception>
    public static SharedMemory Create(SharedMemoryOptions? options = null, ILogger? logger = null)
    {
        options ??= new SharedMemoryOptions();
        NativeOptions native = NativeOptions.From(options);
        NativeErrors.Check(NativeMethods.gpusvm_open(in native, out MemoryHandle handle));
        var memory = new SharedMemory(handle, options, logger ?? NullLogger.Instance);
        if (options.TracePath is not { Length: > 0 } path)
            return memory;
        try
        {
            _ = memory.StartTrace(path); // Ends with the memory.
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>What this machine can do and how to enable the rest.</summary>
    /// <returns>One result for each thing that was tried.</returns>
    public static IReadOnlyList<ProbeResult> Probe() => NativeQueries.Probe();

    /// <summary>Allocates an array of zeroes: page aligned, 2 MiB aligned from 2 MiB on.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="length">Elements, not negative; may exceed what a span can cover and what the device holds.</param>
    /// <returns>The array; dispose it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or the array would not fit in an address space.</exception>
    /// <exception cref="SharedMemoryException">The capacity is used up.</exception>
    public unsafe SharedArray<T> Allocate<T>(nint length)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > (1L << 47) / sizeof(T))
            throw new ArgumentOutOfRangeException(nameof(length), length, $"{length} elements of {sizeof(T)} bytes do not fit in an address space of 128 TiB. Allocate a smaller array.");
        nint bytes = Math.Max(1, length * sizeof(T));
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            NativeErrors.Check(NativeMethods.gpusvm_alloc(_handle, (ulong)bytes, out nint pointer));
            var array = new SharedArray<T>(this, (T*)pointer, length);
            _arrays.Add(pointer, new Allocation(bytes, new WeakReference<ISharedAllocation>(array)));
            SharedRegions.Add(pointer, bytes);
            GC.AddMemoryPressure(bytes); // So that the collector looks for forgotten arrays as often as if they lay on its heap.
            return array;
        }
    }

    /// <summary>Walks all live objects of the library and checks its invariants. For tests: call it at a quiet moment.</summary>
    /// <exception cref="SharedMemoryException">One is broken; the message lists them.</exception>
    public void CheckInvariants()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int status = NativeMethods.gpusvm_check(_handle);
        if (status != 0)
            throw new SharedMemoryException((StatusCode)status, NativeErrors.LastError(status));
    }

    /// <summary>Waits for running launches, ends all arrays and closes the memory. Spans of its arrays are invalid afterwards.</summary>
    public void Dispose()
    {
        if (TryBeginDisposing())
            FinishDisposing();
        GC.SuppressFinalize(this);
    }

    /// <summary>Does what <see cref="Dispose"/> does; the waiting for launches holds neither the caller nor a thread of the pool.</summary>
    /// <returns>Ends when the memory is closed; at once if it was disposed before.</returns>
    public ValueTask DisposeAsync()
    {
        bool isFirst = TryBeginDisposing();
        GC.SuppressFinalize(this);
        if (!isFirst)
            return ValueTask.CompletedTask;
        return new ValueTask(WaitingThreads.Run(() =>
        {
            FinishDisposing();
            return true;
        }));
    }

    /// <summary>Gives an array's pages back; called by the array that nobody uses any more.</summary>
    /// <param name="start">Its first byte; once the memory is closing the pages go with it.</param>
    internal void Free(nint start)
    {
        lock (_gate)
        {
            SharedRegions.Remove(start);
            if (!_arrays.Remove(start, out Allocation allocation))
                return;
            GC.RemoveMemoryPressure(allocation.Bytes);
            NativeErrors.Check(NativeMethods.gpusvm_free(_handle, start));
        }
    }

    /// <summary>Keeps the library's memory open until <see cref="LetGo"/>, also past <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">It has been closed.</exception>
    internal void Hold()
    {
        bool held = false;
        _handle.DangerousAddRef(ref held);
    }

    /// <summary>Lets go of what one <see cref="Hold"/> keeps; the last one closes a disposed memory.</summary>
    internal void LetGo() => _handle.DangerousRelease();

    /// <summary>Counts and logs an array that was never disposed; called by its finalizer.</summary>
    /// <param name="start">Its first byte.</param>
    /// <param name="bytes">Its length.</param>
    internal void ReportLeak(nint start, nint bytes)
    {
        Interlocked.Increment(ref _leaked);
        LeakReports.Array(_logger, start, bytes);
    }

    /// <summary>Counts and logs an address space that was never disposed, unless it has ended with the memory; called by its finalizer.</summary>
    internal void ReportVmLeak()
    {
        if (!_disposed)
            LeakReports.Vm(_logger);
    }

    /// <summary>Makes all later calls fail, so that no array and no launch is added.</summary>
    /// <returns>False if that was done before.</returns>
    private bool TryBeginDisposing()
    {
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot dispose shared memory: its own launch has not ended.");
        lock (_gate)
        {
            bool first = !_disposed;
            _disposed = true;
            return first;
        }
    }

    /// <summary>Waits for the launches, ends the arrays and closes the library's memory, or leaves that to the last pin.</summary>
    private void FinishDisposing()
    {
        _launches.CompleteAll();
        EndInPlace();
        List<KeyValuePair<nint, Allocation>> arrays;
        lock (_gate)
        {
            arrays = [.. _arrays];
            _arrays.Clear();
        }

        foreach ((nint start, Allocation allocation) in arrays)
        {
            GC.RemoveMemoryPressure(allocation.Bytes);
            if (allocation.Array.TryGetTarget(out ISharedAllocation? array))
                array.OnMemoryClosed();
            else
                SharedRegions.Remove(start);
        }

        OpenMemories.Remove(Number);
        _handle.Dispose();
        SvmLog.Closed(_logger, arrays.Count);
    }

    /// <summary>What is kept of an array that is not disposed.</summary>
    /// <param name="Bytes">What was allocated.</param>
    /// <param name="Array">The array; the collector may have found it forgotten.</param>
    private readonly record struct Allocation(nint Bytes, WeakReference<ISharedAllocation> Array);
}
