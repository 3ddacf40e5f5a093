// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// Memory that this process and its GPU share: one address for both, pages that move to whoever touches them, and more of it than the device holds.
/// </summary>
/// <remarks>
/// Everything that serves page faults runs in the native library libgpusvm, on threads and a runtime of its own; this package calls it and owns nothing
/// but handles. That is why threads of this runtime may fault on shared arrays in any form, a span copy included: a collection that waits for a faulting
/// thread waits only until the library, which no collection here can stop, has served the fault.
/// <para>All members may be called from any thread. Disposing waits for running launches, then frees all arrays. Memory that is never disposed stays
/// until the process ends: the collector cannot know whether a span or a running kernel still uses it.</para>
/// </remarks>
public sealed partial class SharedMemory : IDisposable
{
    private readonly Lock _gate = new();
    private readonly MemoryHandle _handle;
    private readonly LaunchList _launches = new();
    private readonly Dictionary<nint, WeakReference<ISharedAllocation>> _arrays = [];
    private bool _disposed;
    private long _leaked;

    /// <summary>Wraps an open memory and asks what it has become.</summary>
    /// <param name="handle">The library's handle.</param>
    private SharedMemory(MemoryHandle handle)
    {
        _handle = handle;
        Kind = (MemoryKind)NativeQueries.Statistics(handle).MemoryKind;
        KindReason = NativeQueries.Reason(handle);
        SvmMetrics.Add(handle);
    }

    /// <summary>Which memory it is: <see cref="MemoryKind.Real"/> or <see cref="MemoryKind.Portable"/>.</summary>
    public MemoryKind Kind { get; }

    /// <summary>What stood in the way of real memory and how to enable it; empty for real memory.</summary>
    public string KindReason { get; }

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

    /// <summary>Opens shared memory with one software GPU.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The open memory; dispose it.</returns>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it and what is possible.</exception>
    /// <exception cref="SharedMemoryException">This machine cannot give it; the message names the remedy.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing; the message says how to build it.</exception>
    public static SharedMemory Create(SharedMemoryOptions? options = null)
    {
        NativeOptions native = NativeOptions.From(options ?? new SharedMemoryOptions());
        NativeErrors.Check(NativeMethods.gpusvm_open(in native, out MemoryHandle handle));
        return new SharedMemory(handle);
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
            _arrays.Add(pointer, new WeakReference<ISharedAllocation>(array));
            SharedRegions.Add(pointer, bytes);
            return array;
        }
    }

    /// <summary>Starts a managed kernel.</summary>
    /// <param name="body">Runs once a group, on the compute units' threads.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <returns>The launch; wait for it before using on the CPU what it writes (portable memory demands it).</returns>
    public Launch Launch(KernelBody body, nint groups) => Launch(body, groups, []);

    /// <summary>Starts a managed kernel that uses the given arrays: in a memory without faults those, and nothing else.</summary>
    /// <param name="body">Runs once a group, on the compute units' threads.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="uses">What it uses: <see cref="SharedArray{T}.Use(KernelAccess)"/>. They are brought to the device, or mapped for it, before this returns.</param>
    /// <returns>As the other overload.</returns>
    public unsafe Launch Launch(KernelBody body, nint groups, IReadOnlyList<ArrayUse> uses)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(uses);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        var kernel = new ManagedKernel(body);
        try
        {
            return Start(ManagedKernel.EntryPoint, kernel.Arguments, groups, kernel, uses);
        }
        catch
        {
            kernel.Release();
            throw;
        }
    }

    /// <summary>Starts a kernel in native code, or a static [UnmanagedCallersOnly] method, which must catch everything it may throw.</summary>
    /// <param name="kernel">Runs once a group, on the compute units' threads.</param>
    /// <param name="arguments">What it is given besides the context; must stay valid until the launch has ended.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <returns>The launch.</returns>
    public unsafe Launch Launch(delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, nint groups) => Launch(kernel, arguments, groups, []);

    /// <summary>Starts a kernel in native code that uses the given arrays: in a memory without faults those, and nothing else.</summary>
    /// <param name="kernel">As in the other overload.</param>
    /// <param name="arguments">As in the other overload.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="uses">What it uses: <see cref="SharedArray{T}.Use(KernelAccess)"/>. They are brought to the device, or mapped for it, before this returns.</param>
    /// <returns>The launch.</returns>
    public unsafe Launch Launch(delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, nint groups, IReadOnlyList<ArrayUse> uses)
    {
        if (kernel == null)
            throw new ArgumentNullException(nameof(kernel));
        ArgumentNullException.ThrowIfNull(uses);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        return Start(kernel, arguments, groups, null, uses);
    }

    /// <summary>Moves a whole array's pages now, instead of when they are touched.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="location">Where to.</param>
    /// <returns>The bytes of the array that really moved: less than asked for where pages were there already or do not fit; none to the device of portable memory.</returns>
    public nint Prefetch<T>(SharedArray<T> array, MemoryLocation location)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return Prefetch(array, 0, array.Length, location);
    }

    /// <summary>Moves the pages of a part of an array now.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements; the pages that hold them move whole.</param>
    /// <param name="location">Where to.</param>
    /// <returns>The bytes that really moved.</returns>
    public unsafe nint Prefetch<T>(SharedArray<T> array, nint start, nint length, MemoryLocation location)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        CheckLocation(location);
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint address = array.AddressOf(start, length);
        if (length == 0)
            return 0;
        NativeErrors.Check(NativeMethods.gpusvm_prefetch(_handle, address, (ulong)(length * sizeof(T)), (uint)location, out ulong moved));
        return (nint)moved;
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
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot dispose shared memory: its own launch has not ended.");
        List<WeakReference<ISharedAllocation>> arrays;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            arrays = [.. _arrays.Values];
            foreach (nint start in _arrays.Keys)
                SharedRegions.Remove(start);
            _arrays.Clear();
        }
        _launches.CompleteAll();
        foreach (WeakReference<ISharedAllocation> reference in arrays)
        {
            if (reference.TryGetTarget(out ISharedAllocation? array))
                array.OnMemoryClosed();
        }
        SvmMetrics.Remove(_handle);
        _handle.Dispose();
    }

    /// <summary>Frees one array for <see cref="SharedArray{T}.Dispose"/>.</summary>
    /// <param name="start">Its first byte; nothing happens once the memory is closing.</param>
    internal void Free(nint start)
    {
        lock (_gate)
        {
            if (!_arrays.Remove(start))
                return;
            SharedRegions.Remove(start);
            NativeErrors.Check(NativeMethods.gpusvm_free(_handle, start));
        }
    }

    /// <summary>Counts an array that was never disposed; called by its finalizer.</summary>
    internal void ReportLeak() => Interlocked.Increment(ref _leaked);

    /// <summary>Starts a launch and keeps it, so that its kernel lives until its end even if the caller drops it.</summary>
    /// <param name="function">What to run.</param>
    /// <param name="arguments">What to run it with.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="kernel">The managed kernel behind it, or null.</param>
    /// <param name="uses">What it uses.</param>
    /// <returns>The launch.</returns>
    private unsafe Launch Start(delegate* unmanaged<KernelContextData*, void*, void> function, void* arguments, nint groups, ManagedKernel? kernel, IReadOnlyList<ArrayUse> uses)
    {
        NativeUsage[] usages = [.. uses.Where(use => use.Bytes > 0).Select(NativeUsage.From)];
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // SAFETY: the function and its arguments stay valid until the launch has ended: the kernel's handle is released by Launch.
            ulong handle;
            fixed (NativeUsage* first = usages)
                NativeErrors.Check(NativeMethods.gpusvm_launch_start_using(_handle, function, arguments, (ulong)groups, first, (ulong)usages.Length, out handle));
            var launch = new Launch(handle, kernel);
            _launches.Add(launch);
            return launch;
        }
    }
}
