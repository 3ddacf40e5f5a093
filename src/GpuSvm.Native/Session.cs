// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;
using GpuSvm.Native.Monitoring;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>
/// One opened shared memory: a host memory, the host address space over it, a software GPU, its VM, and the threads that serve its faults. The only place
/// that knows how the parts are put together.
/// </summary>
/// <remarks>
/// Opened from the bottom up and closed from the top down: launches end, fault threads stop, the VM lets go of device pages, the device goes, and the host
/// memory last. On a memory without CPU faults every page is brought home before a launch is reported done.
/// Locking: <see cref="_gate"/> guards the lists of launches and event streams and whether new ones are taken; the queue is called under it, so that draining sees every launch.
/// </remarks>
internal sealed class Session : IDisposable
{
    private const int CheckAttempts = 20;
    private const int CheckPauseMilliseconds = 5;

    private readonly SessionMemory _memory;
    private readonly HostAddressSpace _host;
    private readonly SoftwareGpuDevice _gpu;
    private readonly GpuVm _vm;
    private readonly FaultService _faults;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, SoftwareGpuLaunch> _launches = [];
    private readonly Dictionary<SoftwareGpuLaunch, GpuJob> _jobs = []; // Of launches that run without faults. Guarded by _gate.
    private readonly HashSet<ulong> _streams = []; // Handles. Guarded by _gate.
    private readonly HashSet<ulong> _prefetches = []; // As _streams.
    private bool _draining;

    /// <summary>Puts the parts together.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="memory">The host memory.</param>
    /// <param name="parts">Gets each part as it comes to life, so that <see cref="Open"/> can end them if a later one fails.</param>
    private Session(SessionOptions options, SessionMemory memory, Stack<IDisposable> parts)
    {
        _memory = memory;
        parts.Push(memory.Host);
        _host = new HostAddressSpace(memory.Host);
        parts.Push(_host);
        _gpu = new SoftwareGpuDevice(memory.GpuOptions(options));
        parts.Push(_gpu);
        _vm = new GpuVm(_host, _gpu, VmOptions(options, memory.Kind));
        parts.Push(_vm);
        _faults = new FaultService(_gpu.FaultBuffer, _vm, FaultThreads(options));
        _gpu.FaultBuffer.Helper = new UnitFaultHelper(_gpu.FaultBuffer, _faults);
        if (memory.Kind == MemoryKind.Portable || options.WithoutFaults)
            _gpu.Queue.BeforeCompletion = EndLaunch;
        Heap = new SessionHeap(_host, options.CapacityBytes);
    }

    /// <summary>What is allocated.</summary>
    public SessionHeap Heap { get; }

    /// <summary>What stood in the way of real memory and how to enable it; empty for real memory.</summary>
    public string KindReason => _memory.Reason;

    /// <summary>Opens shared memory.</summary>
    /// <param name="options">Checked options.</param>
    /// <returns>The session; throws a <see cref="SessionException"/> if this machine cannot.</returns>
    public static Session Open(SessionOptions options)
    {
        Session session = Assemble(options);
        try
        {
            if (options.Monitor)
                MonitorServer.Add(session);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Opens shared memory that nobody can watch yet.</summary>
    /// <param name="options">Checked options.</param>
    /// <returns>The session.</returns>
    private static Session Assemble(SessionOptions options)
    {
        SessionMemory memory = SessionMemory.Open(options);
        Stack<IDisposable> parts = [];
        try
        {
            return new Session(options, memory, parts);
        }
        catch
        {
            while (parts.TryPop(out IDisposable? part))
                part.Dispose();
            throw;
        }
    }

    /// <summary>Starts a kernel.</summary>
    /// <param name="kernel">A gpusvm_kernel.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="groups">At least 1.</param>
    /// <param name="memory">What it uses; in a memory with faults nothing needs naming.</param>
    /// <returns>The launch's handle; throws a <see cref="SessionException"/> if the memory is closing, or cannot be had.</returns>
    public ulong Start(nint kernel, nint arguments, ulong groups, ReadOnlySpan<JobMemory> memory = default)
    {
        _gpu.Queue.WhenOutside(_host.WaitForEvents); // What the program has unmapped before, this launch does not find any more. A kernel would wait for its own windows.
        if (!_vm.Options.WithoutFaults)
            return Enqueue(kernel, arguments, groups, null);
        SvmStatus status = _vm.BeginJob(memory, out GpuJob? job, out VirtualAddress failedAt);
        try
        {
            if (status == SvmStatus.Done)
                return Enqueue(kernel, arguments, groups, job);
            throw new SessionException(status, $"The memory that the launch uses cannot be had{(failedAt == default ? "" : $" at {failedAt}")}: {status.Describe()}.");
        }
        catch
        {
            if (job is not null)
                _ = _vm.EndJob(job); // What else there is to say is in the exception.
            if (_memory.Kind == MemoryKind.Portable)
                _ = _vm.BringHome(); // As above; the next launch's end tries again.
            throw;
        }
    }

    /// <summary>Puts a kernel into the queue.</summary>
    /// <param name="kernel">A gpusvm_kernel.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="groups">At least 1.</param>
    /// <param name="job">What holds its memory; null with faults.</param>
    /// <returns>The launch's handle; throws a <see cref="SessionException"/> if the memory is closing.</returns>
    private ulong Enqueue(nint kernel, nint arguments, ulong groups, GpuJob? job)
    {
        SoftwareGpuLaunch launch;
        ulong handle;
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            SvmStatus status = _gpu.Queue.Start((SoftwareGpuPageTable)_vm.PageTable, kernel, arguments, groups, out launch);
            if (status != SvmStatus.Done)
                throw new SessionException(status, $"The launch could not be started: {status.Describe()}.");
            handle = Handles.Launches.Add(new SessionLaunch(this, launch));
            _launches.Add(handle, launch);
            if (job is not null)
                _jobs.Add(launch, job);
        }

        job?.WhenFailed(failed => launch.Cancel(failed.Status, failed.FailedAt, MemoryAccess.Write));
        return handle;
    }

    /// <summary>Ends a launch's handle once somebody has been told how the launch ended.</summary>
    /// <param name="handle">The handle; nothing happens if it has ended.</param>
    public void Forget(ulong handle)
    {
        lock (_gate)
            _launches.Remove(handle);
        Handles.Launches.Remove(handle);
    }

    /// <summary>Moves pages now.</summary>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="toDevice">Where to.</param>
    /// <returns>Bytes that really moved. None go to the device of a portable memory between launches, for the CPU could not see that they went.</returns>
    public long Prefetch(AddressRange interval, bool toDevice)
    {
        if (toDevice && _memory.Kind == MemoryKind.Portable)
            return 0;
        SvmStatus status = _vm.Prefetch(interval, toDevice ? PrefetchTarget.Device : PrefetchTarget.System, out PrefetchResult result);
        if (status is not (SvmStatus.Done or SvmStatus.OutOfDeviceMemory)) // What does not fit is not moved, and not counted.
            throw new SessionException(status, $"Prefetch of {interval} ended early, with {result.MovedBytes} of {result.RequestedBytes} bytes moved: {status.Describe()}.");
        return result.MovedBytes;
    }

    /// <summary>Changes what is advised of memory, wholly or not at all; throws a <see cref="SessionException"/> if it cannot be.</summary>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="change">Makes the new advice of the old.</param>
    public void Advise(AddressRange interval, Func<MemoryAdvice, MemoryAdvice> change)
    {
        SvmStatus status = _vm.Advise(interval, change);
        if (status != SvmStatus.Done)
            throw new SessionException(status, $"Advice for {interval} could not be taken: {status.Describe()}. What was advised before still stands.");
    }

    /// <summary>Begins to move pages in the background.</summary>
    /// <param name="intervals">Whole pages inside allocations.</param>
    /// <param name="toDevice">Where to.</param>
    /// <returns>The operation's handle; throws a <see cref="SessionException"/> if it cannot begin. To the device of a portable memory it ends at once, as <see cref="Prefetch"/> does.</returns>
    public ulong StartPrefetch(ReadOnlySpan<AddressRange> intervals, bool toDevice)
    {
        if (toDevice && _memory.Kind == MemoryKind.Portable)
            intervals = [];
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            SvmStatus status = _vm.StartPrefetch(intervals, toDevice ? PrefetchTarget.Device : PrefetchTarget.System, out PrefetchOperation? operation);
            if (status != SvmStatus.Done)
                throw new SessionException(status, $"The prefetch could not be started: {status.Describe()}.");
            ulong handle = Handles.Prefetches.Add(new SessionPrefetch(this, operation!));
            _prefetches.Add(handle);
            return handle;
        }
    }

    /// <summary>Notes that a prefetch was taken out of the handles.</summary>
    /// <param name="handle">Its handle.</param>
    public void ForgetPrefetch(ulong handle)
    {
        lock (_gate)
            _prefetches.Remove(handle);
    }

    /// <summary>Opens a stream of events.</summary>
    /// <param name="capacity">Events that it holds.</param>
    /// <returns>The stream's handle; throws a <see cref="SessionException"/> if the memory is closing.</returns>
    public ulong OpenEvents(int capacity)
    {
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            ulong handle = Handles.Events.Add(new SessionEvents(this, _host.Events.Open(capacity)));
            _streams.Add(handle);
            return handle;
        }
    }

    /// <summary>Ends a stream of events that was taken out of the handles.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="stream">The stream.</param>
    public void CloseEvents(ulong handle, SvmEventStream stream)
    {
        lock (_gate)
            _streams.Remove(handle);
        _host.Events.Close(stream);
    }

    /// <summary>Reads the counters of all parts.</summary>
    /// <returns>The struct, its size filled in.</returns>
    public unsafe StatisticsStruct ReadStatistics()
    {
        VmCounters vm = _vm.Counters;
        MigrationCounters moved = _vm.Pagemap.Counters;
        HostCounters host = _host.Counters;
        int pages = _gpu.Memory.Pages;
        return new StatisticsStruct
        {
            StructBytes = (uint)sizeof(StatisticsStruct),
            MemoryKind = (uint)_memory.Kind,
            GpuFaults = (ulong)vm.Faults,
            GpuFaultsValid = (ulong)vm.Valid,
            GpuFaultsFailed = (ulong)vm.Failed,
            GpuFaultRetries = (ulong)vm.Retries,
            CpuFaults = (ulong)host.CpuFaults,
            CpuFaultsMigrated = (ulong)host.CpuFaultsMigrated,
            BytesToDevice = (ulong)moved.BytesToDevice,
            BytesToRam = (ulong)moved.BytesToRam,
            MigrationsToDevice = (ulong)moved.BlocksToDevice,
            MigrationsToRam = (ulong)moved.BlocksToRam,
            Evictions = (ulong)moved.Evictions,
            Invalidations = (ulong)vm.Invalidations,
            Ranges = (ulong)_vm.Mirror.RangeCount,
            DeviceBytesUsed = (ulong)(pages - _gpu.Memory.FreePages) * PageSize.Bytes,
            DeviceBytesTotal = (ulong)pages * PageSize.Bytes,
            HeapBytes = (ulong)Heap.Bytes,
            FindNs = Nanoseconds(vm.FindTicks),
            MigrateNs = Nanoseconds(vm.MigrateTicks),
            GetPagesNs = Nanoseconds(vm.GetPagesTicks),
            BindNs = Nanoseconds(vm.BindTicks),
            FaultNs = Nanoseconds(vm.FaultTicks),
            CpuFaultNs = Nanoseconds(host.CpuFaultTicks),
        };
    }

    /// <summary>Faults that were refused.</summary>
    public FailedFaults FailedFaults => _vm.FailedFaults;

    /// <summary>What happens, for the monitor.</summary>
    public SvmEvents Events => _host.Events;

    /// <summary>Bytes of pages that the CPU does not have now: on a device, a device's alone, or moving.</summary>
    public long AwayBytes => _host.AwayPages << PageSize.Shift;

    /// <summary>One of the histograms.</summary>
    /// <param name="kind">Which.</param>
    /// <returns>The histogram, live.</returns>
    public Histogram HistogramOf(HistogramKind kind) => kind switch
    {
        HistogramKind.GpuFault => _vm.Counters.FaultTimes,
        HistogramKind.Find => _vm.Counters.FindTimes,
        HistogramKind.Migrate => _vm.Counters.MigrateTimes,
        HistogramKind.GetPages => _vm.Counters.GetPagesTimes,
        HistogramKind.Bind => _vm.Counters.BindTimes,
        HistogramKind.CpuFault => _host.Counters.CpuFaultTimes,
        HistogramKind.Invalidation => _host.Counters.InvalidationTimes,
        HistogramKind.BytesToDevice => _vm.Pagemap.Counters.SizesToDevice,
        HistogramKind.BytesToRam => _vm.Pagemap.Counters.SizesToRam,
        _ => throw new SessionException(SvmStatus.InvalidArgument, $"There is no histogram {(int)kind}: they are 0 to {(int)HistogramKind.BytesToRam}."),
    };

    /// <summary>Checks the invariants of all live objects.</summary>
    /// <returns>What is broken, a sentence each.</returns>
    /// <remarks>
    /// A CPU thread goes on as soon as its page is there, while the thread that brought it still puts its references back; so what looks broken is looked at
    /// again, and only what stays so is reported.
    /// </remarks>
    public IReadOnlyList<string> Check()
    {
        IReadOnlyList<string> broken = InvariantChecker.Check(_vm);
        for (int attempt = 0; broken.Count > 0 && attempt < CheckAttempts; attempt++)
        {
            Thread.Sleep(CheckPauseMilliseconds);
            broken = InvariantChecker.Check(_vm);
        }
        return broken;
    }

    /// <summary>Takes no launches any more and waits for those that run. Their handles end with the memory.</summary>
    public void Drain()
    {
        KeyValuePair<ulong, SoftwareGpuLaunch>[] launches;
        lock (_gate)
        {
            _draining = true;
            launches = [.. _launches];
        }
        foreach ((ulong handle, SoftwareGpuLaunch launch) in launches)
        {
            launch.Wait(Timeout.InfiniteTimeSpan);
            Forget(handle);
        }
    }

    /// <summary>Brings every page home and ends all parts. The caller has drained the session and is its only user.</summary>
    public void Dispose()
    {
        MonitorServer.Remove(this);
        foreach (ulong handle in _streams)
            Handles.Events.Remove(handle);
        foreach (ulong handle in _prefetches)
            Handles.Prefetches.RemoveAndDrain(handle, out _, static ended => ended.Operation.Cancel());
        Heap.Attachments.DetachAll(); // What is the program's own stays, with every byte.
        _vm.BringHome(); // CPU threads that wait for a page of the device go on; a failure changes nothing, for the memory ends now.
        _faults.Dispose();
        _vm.Dispose();
        _gpu.Dispose();
        _host.Dispose();
    }

    /// <summary>Ends a launch's job, and brings every page home before a launch on portable memory is reported; the queue turns what this throws into the launch's failure.</summary>
    /// <param name="launch">The launch whose last group has ended.</param>
    private void EndLaunch(SoftwareGpuLaunch launch)
    {
        GpuJob? job;
        lock (_gate)
            _jobs.Remove(launch, out job);
        if (job is not null)
            _ = _vm.EndJob(job); // Had it failed, the launch has: WhenFailed.
        if (_memory.Kind != MemoryKind.Portable)
            return;
        SvmStatus status = _vm.BringHome();
        if (status != SvmStatus.Done)
            throw new SessionException(status, $"not every page could be brought home: {status.Describe()}; the bytes are safe in device memory and the next launch's end tries again");
    }

    /// <summary>Stopwatch ticks as nanoseconds.</summary>
    private static ulong Nanoseconds(long ticks) => (ulong)Histogram.NanosecondsOf(ticks);

    /// <summary>How the VM is to behave.</summary>
    /// <param name="options">The session's options.</param>
    /// <param name="kind">The memory that it has got.</param>
    private static GpuVmOptions VmOptions(SessionOptions options, MemoryKind kind) => new()
    {
        ChunkOrders = options.ChunkOrders,
        Placement = options.Migrate ? new FirstTouchPlacement() : new SystemPlacement(),
        Prefetch = options.Prefetch,
        Eviction = options.Eviction,
        KeepFreeBytes = options.KeepFreeBytes,
        Thrash = options.Thrash,
        AccessCounters = kind == MemoryKind.Portable ? null : options.AccessCounters, // There nothing may move once a launch is reported done.
        WithoutFaults = options.WithoutFaults,
    };

    /// <summary>How many threads serve GPU faults: no more than can work at once.</summary>
    /// <param name="options">The session's options.</param>
    /// <returns>1 to 4.</returns>
    private static int FaultThreads(SessionOptions options) => Math.Clamp(Math.Min(Environment.ProcessorCount, options.ComputeUnits), 1, 4);
}
