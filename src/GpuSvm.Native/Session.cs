// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Monitoring;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>
/// One opened shared memory: a host memory, the host address space over it, one software GPU or several, their VM, and the threads that serve their faults. The only place
/// that knows how the parts are put together.
/// </summary>
/// <remarks>
/// Opened from the bottom up and closed from the top down: launches end, fault threads stop, the VM lets go of device pages, the devices go, and the host
/// memory last. On a memory without CPU faults every page is brought home before a launch is reported done, and launches run one after the other, whatever their queues.
/// Locking: <see cref="_gate"/> guards the lists of launches, queues, event streams and user pointers and whether new ones are taken; queues are called under it, so that draining sees every launch.
/// </remarks>
internal sealed partial class Session : IDisposable
{
    private const int CheckAttempts = 20;
    private const int CheckPauseMilliseconds = 5;

    private readonly SessionMemory _memory;
    private readonly HostAddressSpace _host;
    private readonly GpuVm _vm;
    private readonly SessionDevice[] _devices;
    private readonly SessionQueue _firstQueue; // Of launches that name no queue.
    private readonly SessionCallbacks _callbacks = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, SoftwareGpuLaunch> _launches = [];
    private readonly Dictionary<SoftwareGpuLaunch, GpuJob> _jobs = []; // Of launches that run without faults. Guarded by _gate.
    private readonly HashSet<ulong> _streams = []; // Handles. Guarded by _gate.
    private readonly HashSet<ulong> _prefetches = []; // As _streams.
    private readonly HashSet<ulong> _queues = []; // As _streams.
    private readonly HashSet<ulong> _userptrs = []; // As _streams.
    private readonly Dictionary<SoftwareGpuLaunch, SessionVm> _vmOf = []; // Of launches in another address space than the first, until their handles end. Guarded by _gate.
    private bool _draining;
    private int _enders; // Threads of the program that end an address space or a mirror; Dispose waits for them. Changed under _gate.

    /// <summary>Puts the parts together.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="memory">The host memory.</param>
    /// <param name="parts">Gets each part as it comes to life, so that <see cref="Open"/> can end them if a later one fails.</param>
    private Session(SessionOptions options, SessionMemory memory, Stack<IDisposable> parts)
    {
        _options = options;
        _memory = memory;
        parts.Push(memory.Host);
        _host = new HostAddressSpace(memory.Host) { LargestFirstTouch = options.LargestFirstTouch };
        parts.Push(_host);
        SoftwareGpuDevice[] gpus = [.. options.DeviceMemories.Select(bytes => NewGpu(options, memory, bytes, parts))];
        _vm = new GpuVm(_host, gpus, VmOptions(options, memory.Kind));
        parts.Push(_vm);
        _devices = new SessionDevice[gpus.Length];
        for (int i = 0; i < gpus.Length; i++)
        {
            _devices[i] = new SessionDevice(gpus[i], _vm, i, FaultThreads(options));
            parts.Push(_devices[i]);
        }

        _firstQueue = Adopt(_devices[0], gpus[0].Queue);
        Heap = new SessionHeap(_host, options.CapacityBytes);
    }

    /// <summary>What is allocated.</summary>
    public SessionHeap Heap { get; }

    /// <summary>Whether the caller is inside a callback of this session.</summary>
    public bool IsCallbackThread => _callbacks.IsCurrentThread;

    /// <summary>Whether the caller is a kernel of this session.</summary>
    private bool IsUnitThread => Array.Exists(_devices, static device => device.Gpu.IsUnitThread);

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
            session.TraceAsTheEnvironmentSays();
            if (options.FollowsForks && !ForkFollower.Add(session))
                Log.Write(LogLevel.Warning, "Forks cannot be followed here: a forked child has no shared memory.");
            if (options.Monitor)
                MonitorServer.Add(session);
            session.TellOfOpening(options);
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

    /// <summary>Takes no launches any more, waits for those that run and for their callbacks. Their handles end with the memory.</summary>
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

        _callbacks.Close();
    }

    /// <summary>Brings every page home and ends all parts. The caller has drained the session and is its only user.</summary>
    public void Dispose()
    {
        ForkFollower.Remove(this);
        MonitorServer.Remove(this);
        EndTrace();
        foreach (ulong handle in Snapshot(_streams))
            Handles.Events.RemoveAndDrain(handle, out _, static _ => { });
        foreach (ulong handle in Snapshot(_prefetches))
            Handles.Prefetches.RemoveAndDrain(handle, out _, static ended => ended.Operation.Cancel());
        foreach (ulong handle in Snapshot(_queues))
            Handles.Queues.RemoveAndDrain(handle, out _, static _ => { });
        foreach (ulong handle in Snapshot(_userptrs))
            Handles.Userptrs.RemoveAndDrain(handle, out _, static _ => { }); // The VM takes what it shows away from the devices.
        EndMirrors();
        EndVms();
        SpinWait.SpinUntil(() => Volatile.Read(ref _enders) == 0); // Whose handles have ended, and who are not done yet.
        Heap.Attachments.DetachAll(); // What is the program's own stays, with every byte.
        _vm.BringHome(); // CPU threads that wait for a page of the device go on; a failure changes nothing, for the memory ends now.
        foreach (SessionDevice device in _devices)
            device.Dispose();
        _vm.Dispose();
        foreach (SessionDevice device in _devices)
            device.Gpu.Dispose();
        _host.Dispose();
        Log.Write(LogLevel.Info, "Shared memory was closed.");
    }

    /// <summary>Copies handles: who ends one at the same time takes it out of the set.</summary>
    /// <param name="handles">A set that the gate guards.</param>
    /// <returns>The handles in it now.</returns>
    private ulong[] Snapshot(HashSet<ulong> handles)
    {
        lock (_gate)
            return [.. handles];
    }

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

    /// <summary>Makes a device.</summary>
    /// <param name="options">The session's options.</param>
    /// <param name="memory">What it is to reach.</param>
    /// <param name="bytes">Its memory.</param>
    /// <param name="parts">Gets it.</param>
    /// <returns>The device.</returns>
    private static SoftwareGpuDevice NewGpu(SessionOptions options, SessionMemory memory, long bytes, Stack<IDisposable> parts)
    {
        var gpu = new SoftwareGpuDevice(memory.GpuOptions(options, bytes));
        parts.Push(gpu);
        return gpu;
    }

    /// <summary>Logs what was opened, and what was wished for and could not be had.</summary>
    /// <param name="options">The session's options.</param>
    private void TellOfOpening(SessionOptions options)
    {
        if (options.Memory == MemoryKind.Auto && _memory.Kind == MemoryKind.Portable)
            Log.Write(LogLevel.Warning, $"Portable memory is used: {_memory.Reason}");
        if (Log.Wants(LogLevel.Info))
            Log.Write(LogLevel.Info, $"Shared memory was opened: {(_memory.Kind == MemoryKind.Real ? "real" : "portable")} memory, {string.Join("; ", _devices.Select(static device => device.Gpu.Name))}.");
    }

    /// <summary>A device by its number; throws a <see cref="SessionException"/> if there is none.</summary>
    /// <param name="number">As the program gave it.</param>
    /// <returns>The device.</returns>
    public SessionDevice DeviceAt(uint number) => number < (uint)_devices.Length
        ? _devices[number]
        : throw new SessionException(SvmStatus.InvalidArgument, $"Device {number} does not exist: this memory has {_devices.Length}, counted from 0.");

    /// <summary>How many threads serve a device's faults: no more than can work at once.</summary>
    /// <param name="options">The session's options.</param>
    /// <returns>1 to 4.</returns>
    private static int FaultThreads(SessionOptions options) => Math.Clamp(Math.Min(Environment.ProcessorCount, options.ComputeUnits), 1, 4);
}
